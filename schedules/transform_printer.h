// What printers of convolutions by minimal filtering share: transforms as statements over vectors of
// channels, and access to images in any layout.
#pragma once

#include <string>
#include <vector>

#include "schedules/c_printer.h"
#include "schedules/c_text.h"
#include "schedules/compute.h"
#include "schedules/transform_buffers.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// An image as [n][y][x][c], as transforms see it: whatever the order in memory, but for nchw, which is
// converted to nhwc. Channels lie together, within a block where there are blocks.
struct ImageStrides {
  int64_t height = 0, width = 0, channels = 0;
  int64_t n = 0, y = 0, x = 0;
  int64_t block = 0;  // From one block of channels to the next; 0: there are none.
};

class TransformPrinter {
 protected:
  // `compute` is the workload's own definition, unsimplified; both must outlive the printer.
  TransformPrinter(const Workload& workload, const ComputeDefinition& compute, int lanes,
                   const PrintOptions& options);

  // x0, x1, ... from `from`, then the statements "y0 = ...;" over them; y0, y1, ... go where `to` says. `$`
  // is the variable's number.
  void Transform(const char* type, int inputs, const std::string& from,
                 const std::vector<std::string>& statements, const std::string& to);

  // The preamble, and how vectors of channels are loaded and stored.
  void PrintHelpers(const PrintOptions& options);

  // A vector of channels that lie together, or in several blocks that are `stride` apart.
  bool SpansBlocks() const { return block_ > 1 && block_ < lanes_; }
  std::string Load(const std::string& pointer, const std::string& stride) const;
  // How far the channel of that name is from the first one.
  std::string ChannelOffset(const ImageStrides& image, const std::string& channel) const;
  // The kernel's function, with the tensors as variables; the workspace from `buffers()` on is the
  // template's.
  void OpenRun();
  void CloseRun();
  std::string buffers() const { return absl::StrCat("(float*)workspace + ", converted_.elements(), "L"); }
  // The epilogue of the vector `v` of channels `c` and following, and it to the output's `at`: all channels
  // exist, or so many as the variable `valid` says, in a loop's body that this ends.
  void StoreWhole();
  void StoreValid();
  // In a vector's scope: the line of the output so many elements on, for a later tile; once.
  void FetchNextTile(int64_t elements) {
    c_.Line(block_ == 1 && lanes_ < 16 ? "if (c % 16 == 0) " : "", "__builtin_prefetch(output + at + ",
            elements, ", 1);");
  }
  void Share() { c_.Line("#pragma omp parallel for num_threads(", threads_, ")"); }

  const Workload& w_;
  const ComputeDefinition& compute_;
  const int threads_;
  const bool fetches_output_;
  const int lanes_;
  const int64_t block_;  // Of channels; 1: there are none.
  const ImageStrides in_, out_;
  CText c_;

 private:
  bool converts() const { return converted_.elements() > 0; }
  void PrintTranspose();
  void PrintChannelsLast();
  void PrintChannelsFirst();
  void OpenPixels(const ImageStrides& image);
  void OpenLanes();
  std::string EpilogueOperands(const char* before) const;
  template <typename LoadOperand>
  void Epilogue(const LoadOperand& load);

  const ConvertedImages converted_;
};

}  // namespace tunefarm::schedules
