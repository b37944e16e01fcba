// What the oneDNN peers share: a primitive with its arguments. For their source files only.
#pragma once

#include <dnnl.hpp>
#include <functional>
#include <string>
#include <unordered_map>

#include "bench/peers/problem.h"

namespace tunefarm::bench {

// Argument memories alias the problem's buffers where the layouts are equal.
struct OneDnnCall {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  dnnl::memory output;         // In the primitive's layout.
  dnnl::memory::desc plain;    // The output as the workload names it.
  std::string implementation;  // oneDNN's name for it.
  std::size_t steps_done = 0;  // Of the epilogue; the others follow as passes.

  dnnl::memory Alias(const dnnl::memory::desc& desc, const void* data);
  // Into the layout that the primitive wants; before any timing.
  dnnl::memory Pack(const dnnl::memory::desc& from, const void* data, const dnnl::memory::desc& to);
  bool in_place() const { return output.get_desc() == plain; }
  void Run(void* data);
  void Convert(void* data);  // The output into `data`, as the workload names it.
};

// "2.6.3".
std::string OneDnnVersion();

// Of a few calls, to choose the fastest of what oneDNN grants.
double ShortestSeconds(const std::function<void(Buffer&)>& run, Buffer& output);

}  // namespace tunefarm::bench
