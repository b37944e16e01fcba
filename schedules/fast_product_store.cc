#include "schedules/fast_product_store.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "schedules/c_preamble.h"

namespace tunefarm::schedules {

std::string FastProductStore::TensorName(const LinearAccess& access) const {
  return kernel_.facts.compute.tensors[access.access.tensor].name;
}

// An operand of the epilogue, or the output: where it is for the tile's row.
std::string FastProductStore::InTile(const LinearAccess& access) const {
  CSum sum = OuterOffset(kernel_, access);
  sum.Add("row", *FlatStride(kernel_.facts, access, kernel_.factors.rows.axes));
  if (const std::optional<int64_t> stride = FlatStride(kernel_.facts, access, kernel_.factors.lanes.axes)) {
    sum.Add("lane", *stride);
  } else {
    sum.Add(absl::StrCat("lane / ", kernel_.factors.lane_block), BlockStride(access));
    sum.Add(absl::StrCat("lane % ", kernel_.factors.lane_block), 1);
  }
  return sum.Text();
}
int64_t FastProductStore::BlockStride(const LinearAccess& access) const {
  return access.stride[kernel_.factors.lanes.axes[0]];
}
// A vector's lanes lie in several blocks of channels.
bool FastProductStore::InBlocks(const LinearAccess& access) const {
  return kernel_.factors.lane_block > 0 && kernel_.factors.lane_block < kernel_.plan.tile.lanes &&
         !FlatStride(kernel_.facts, access, kernel_.factors.lanes.axes).has_value();
}

void FastProductStore::Helpers() const {
  out_.Blank();
  out_.Open("static inline vec load_lanes(const float* from, long valid)");
  out_.Line("vec x = {0};");
  out_.Line("for (long i = 0; i < valid; ++i) x[i] = from[i];");
  out_.Line("return x;");
  out_.Close();
  out_.Open("static inline void store_lanes(float* to, vec x, long valid)");
  out_.Line("for (long i = 0; i < valid; ++i) to[i] = x[i];");
  out_.Close();
  if (InBlocks(kernel_.facts.output))
    PrintBlockAccess(kernel_.plan.tile.lanes, kernel_.factors.lane_block, out_);
}

// `sum` of the tile's vector in the scope's `row` and `lane`; of which `valid` lanes exist unless `whole`.
void FastProductStore::Vector(const std::string& sum, const std::string& row_scale,
                              const std::string& lane_scale, bool whole) const {
  out_.Line("vec x = ", sum, " * ", row_scale, " * *(const vec_unaligned*)(", lane_scale, ");");
  const std::string blocks = kernel_.factors.lane_block == 0 ? ""
                             : whole ? absl::StrCat(kernel_.plan.tile.lanes / kernel_.factors.lane_block)
                                     : absl::StrCat("valid / ", kernel_.factors.lane_block);
  for (std::size_t e = 0; e < kernel_.facts.epilogue.size(); ++e) {
    const LinearAccess& access = kernel_.facts.epilogue[e];
    switch (kernel_.facts.compute.epilogue[e].step) {
      case EpilogueStep::kBias:
      case EpilogueStep::kResidual: {
        const std::string place = absl::StrCat(TensorName(access), " + ", InTile(access));
        if (FlatStride(kernel_.facts, access, kernel_.factors.lanes.axes) == 0) {
          out_.Line("x += *(", place, ");");
        } else if (InBlocks(access)) {
          out_.Line("x += load_blocks(", place, ", ", BlockStride(access), ", ", blocks, ");");
        } else if (whole) {
          out_.Line("x += *(const vec_unaligned*)(", place, ");");
        } else {
          out_.Line("x += load_lanes(", place, ", valid);");
        }
        break;
      }
      case EpilogueStep::kRelu:
        out_.Line("x = relu(x);");
        break;
      case EpilogueStep::kRelu6:
        out_.Line("x = relu6(x);");
        break;
    }
  }
  const std::string place =
      absl::StrCat(TensorName(kernel_.facts.output), " + ", InTile(kernel_.facts.output));
  if (InBlocks(kernel_.facts.output)) {
    out_.Line("store_blocks(", place, ", ", BlockStride(kernel_.facts.output), ", ", blocks, ", x);");
  } else if (whole) {
    out_.Line("*(vec_unaligned*)(", place, ") = x;");
  } else {
    out_.Line("store_lanes(", place, ", x, valid);");
  }
}

void FastProductStore::Fetch() const {
  if (kernel_.layout.sum_blocks > 1) out_.Open("if (block + 1 == ", kernel_.layout.sum_blocks, ")");
  out_.Open("for (long r = 0; r < ", kernel_.layout.rows().width, "; ++r)");
  out_.Line("const long row = first_row + r;");
  const int64_t apart = kernel_.factors.lane_block > 0 ? kernel_.factors.lane_block : 16;
  for (int64_t at = 0; at < kernel_.layout.lanes().width; at += apart) {
    out_.Open();
    out_.Line("const long lane = first_lane + ", at, ";");
    out_.Line("__builtin_prefetch(", TensorName(kernel_.facts.output), " + ", InTile(kernel_.facts.output),
              ", 1);");
    for (std::size_t e = 0; e < kernel_.facts.epilogue.size(); ++e) {
      if (kernel_.facts.compute.epilogue[e].step != EpilogueStep::kResidual) continue;
      const LinearAccess& access = kernel_.facts.epilogue[e];
      out_.Line("__builtin_prefetch(", TensorName(access), " + ", InTile(access), ");");
    }
    out_.Close();
  }
  out_.Close();
  if (kernel_.layout.sum_blocks > 1) out_.Close();
}

void FastProductStore::Group() const {
  if (!kernel_.layout.keeps_sums()) {
    out_.Line("const long tile_row = first_row, tile_lane = first_lane;");
    out_.Line("const float* restrict row_scales = group_row_scales, * restrict lane_scales = ",
              "group_lane_scales;");
    Tile();
    return;
  }
  const int splits = kernel_.layout.splits;
  const int64_t sums = int64_t{kernel_.plan.tile.rows} * kernel_.plan.tile.vectors;
  out_.Open("for (long t = 0; t < ", splits * splits, "; ++t)");
  out_.Line("const vec* tile = sums + t * ", sums, ";");
  const std::string row = absl::StrCat("t / ", splits, " * ", kernel_.plan.tile.rows),
                    lane = absl::StrCat("t % ", splits, " * ", kernel_.plan.tile_lanes());
  out_.Line("const long tile_row = first_row + ", row, ", tile_lane = first_lane + ", lane, ";");
  out_.Line("const float* restrict row_scales = group_row_scales + ", row,
            ", * restrict lane_scales = group_lane_scales + ", lane, ";");
  Tile();
  out_.Close();
}

void FastProductStore::Tile() const {
  const int sums = kernel_.plan.tile.rows * kernel_.plan.tile.vectors;
  const auto sum = [&](int i) {
    return kernel_.layout.keeps_sums() ? absl::StrCat("tile[", i, "]") : absl::StrCat("sums.at[", i, "]");
  };
  if (kernel_.factors.rows.extent % kernel_.layout.rows().width != 0 ||
      kernel_.factors.lanes.extent % kernel_.layout.lanes().width != 0) {
    out_.Line("const long valid_rows = min_long(", kernel_.plan.tile.rows, ", ", kernel_.factors.rows.extent,
              " - tile_row);");
    out_.Open("if (valid_rows < ", kernel_.plan.tile.rows, " || tile_lane + ", kernel_.plan.tile_lanes(),
              " > ", kernel_.factors.lanes.extent, ")");
    if (!kernel_.layout.keeps_sums()) {  // A copy: what is indexed by a variable cannot stay in registers.
      out_.Line("vec tile[", sums, "];");
      for (int i = 0; i < sums; ++i) out_.Line("tile[", i, "] = ", sum(i), ";");
    }
    out_.Open("for (long r = 0; r < valid_rows; ++r)");
    out_.Open("for (long v = 0; v < ", kernel_.plan.tile.vectors, "; ++v)");
    out_.Line("const long row = tile_row + r, lane = tile_lane + v * ", kernel_.plan.tile.lanes, ";");
    out_.Line("const long valid = min_long(", kernel_.factors.lanes.extent, " - lane, ",
              kernel_.plan.tile.lanes, ");");
    Vector(absl::StrCat("tile[r * ", kernel_.plan.tile.vectors, " + v]"), "row_scales[r]",
           absl::StrCat("lane_scales + v * ", kernel_.plan.tile.lanes), false);
    out_.Close();
    out_.Close();
    out_.Line("continue;");
    out_.Close();
  }
  for (int i = 0; i < sums; ++i) {
    const int row = i / kernel_.plan.tile.vectors, v = i % kernel_.plan.tile.vectors;
    out_.Open();
    out_.Line("const long row = tile_row + ", row, ", lane = tile_lane + ", v * kernel_.plan.tile.lanes, ";");
    Vector(sum(i), absl::StrCat("row_scales[", row, "]"),
           absl::StrCat("lane_scales + ", v * kernel_.plan.tile.lanes), true);
    out_.Close();
  }
}

}  // namespace tunefarm::schedules
