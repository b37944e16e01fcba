#include "bench/peers/onednn_call.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "absl/strings/str_cat.h"

namespace tunefarm::bench {

dnnl::memory OneDnnCall::Alias(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, engine, const_cast<void*>(data));
}

dnnl::memory OneDnnCall::Pack(const dnnl::memory::desc& from, const void* data,
                              const dnnl::memory::desc& to) {
  dnnl::memory source = Alias(from, data);
  if (from == to) return source;
  dnnl::memory packed(to, engine);
  dnnl::reorder(source, packed).execute(stream, source, packed);
  stream.wait();
  return packed;
}

void OneDnnCall::Run(void* data) {
  if (in_place()) output.set_data_handle(data);
  primitive.execute(stream, arguments);
  stream.wait();
}

void OneDnnCall::Convert(void* data) {
  dnnl::memory to = Alias(plain, data);
  dnnl::reorder(output, to).execute(stream, output, to);
  stream.wait();
}

std::string OneDnnVersion() {
  const dnnl_version_t* version = dnnl_version();
  return absl::StrCat(version->major, ".", version->minor, ".", version->patch);
}

double ShortestSeconds(const std::function<void(Buffer&)>& run, Buffer& output) {
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run(output);
    shortest =
        std::min(shortest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return shortest;
}

}  // namespace tunefarm::bench
