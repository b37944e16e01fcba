// What blocks cost, by the content of their code: in memory, and in a file that runs and processes share.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"
#include "runner/cycles/llvm_mca.h"

namespace tunefarm::cycles {

// Not thread safe; several processes may use one file. The file has a line for each block: the first 32
// digits of the code's digest, cycles, unmodelled instructions, 1 for a low-overhead loop. A line that is
// malformed is ignored.
class CostCache {
 public:
  // An empty path: in memory only. A file that cannot be read is as good as an empty one. Beyond `max_bytes`
  // the file is begun anew.
  explicit CostCache(std::string path, std::size_t max_bytes = 32 << 20);

  // Null: not known. Valid until the next Add.
  const McaCost* Find(const CodeBlock& block) const;
  // Remembers, and appends to the file what was added since the last Flush.
  void Add(const CodeBlock& block, const McaCost& cost);
  absl::Status Flush();

 private:
  std::string path_;
  std::string pending_;
  absl::flat_hash_map<std::string, McaCost> costs_;
};

}  // namespace tunefarm::cycles
