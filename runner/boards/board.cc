#include "runner/boards/board.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/digest.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "runner/boards/builtin_boards.h"
#include "runner/boards/json_fields.h"

namespace tunefarm {
namespace {

constexpr char kEmulatedPrefix[] = "emulated:";
constexpr std::uint64_t kAddressSpace = std::uint64_t{1} << 32;

bool IsName(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

void ReadMemory(JsonFields& file, Board& board) {
  for (JsonFields& fields : file.Objects("memory")) {
    MemoryRegion region;
    region.name = fields.Text("name");
    region.start = fields.Number("start", 0, kAddressSpace - 1);
    region.bytes = fields.Number("bytes", 1, kAddressSpace);
    region.flash = fields.Word("kind", {"ram", "flash"}) == 1;
    region.wait_states = static_cast<std::uint32_t>(fields.Number("wait_states", 0, 1000));
    if (region.start % 64 != 0) fields.Refuse("start", "a multiple of 64");
    if (region.start + region.bytes > kAddressSpace)
      fields.Refuse("bytes", "such that the region ends below 4 GiB");
    if (board.Region(region.name) != nullptr) fields.Refuse("name", "another one than an earlier region's");
    fields.Finish();
    board.memory.push_back(std::move(region));
  }
}

void ReadCaches(JsonFields& file, Board& board) {
  for (JsonFields& fields : file.Objects("caches")) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
    cycles::CacheSpec cache;
    cache.name = fields.Text("name");
    cache.serves = static_cast<cycles::Serves>(fields.Word("serves", {"instructions", "data", "both"}));
    cache.level = static_cast<std::uint32_t>(fields.Number("level", 1, 2));
    cache.bytes = fields.Number("bytes", 1, kMost);
    cache.line_bytes = static_cast<std::uint32_t>(fields.Number("line_bytes", 4, 256));
    cache.sector_bytes = static_cast<std::uint32_t>(fields.Number("sector_bytes", 4, 256));
    cache.ways = static_cast<std::uint32_t>(fields.Number("ways", 1, 4096));
    cache.miss_cycles = fields.Real("miss_cycles", 0, 10000);
    cache.store_miss_cycles = fields.Real("store_miss_cycles", 0, 10000);
    const auto power_of_two = [](std::uint64_t value) { return value > 0 && (value & (value - 1)) == 0; };
    if (!IsName(cache.name)) fields.Refuse("name", "a word of letters, digits, '-' and '_'");
    if (!power_of_two(cache.line_bytes)) fields.Refuse("line_bytes", "a power of two");
    if (!power_of_two(cache.sector_bytes) || cache.sector_bytes > cache.line_bytes) {
      fields.Refuse("sector_bytes", "a power of two, at most line_bytes");
    }
    if (cache.bytes % (std::uint64_t{cache.line_bytes} * cache.ways) != 0) {
      fields.Refuse("bytes", "a multiple of line_bytes times ways");
    }
    if (fields.Has("regions")) {
      for (const std::string& name : fields.Texts("regions")) {
        const MemoryRegion* const region = board.Region(name);
        if (region == nullptr) {
          fields.Refuse("regions", "names of memory regions of this file");
        } else {
          cache.ranges.push_back({region->start, region->start + region->bytes});
        }
      }
    }
    fields.Finish();
    board.cycle_model.caches.push_back(std::move(cache));
  }
}

void ReadCycleModel(JsonFields& file, Board& board) {
  JsonFields fields = file.Object("cycle_model");
  cycles::ModelSpec& model = board.cycle_model;
  model.name = fields.Text("name");
  if (fields.Has("taken_branch_cycles"))
    model.taken_branch_cycles = fields.Real("taken_branch_cycles", 0, 1000);
  if (fields.Has("mispredict_cycles")) model.mispredict_cycles = fields.Real("mispredict_cycles", 0, 1000);
  if (fields.Has("scale")) model.scale = fields.Real("scale", 0.01, 100);
  if (fields.Has("error_band")) model.error_band = fields.Real("error_band", 0, 1);
  fields.Finish();
  if (board.kind == BoardKind::kGdb) file.Refuse("cycle_model", "absent: a real board is measured");
}

void ReadPlacement(JsonFields& file, Board& board) {
  JsonFields fields = file.Object("placement");
  const std::pair<const char*, std::string*> places[] = {{"code", &board.placement.code},
                                                         {"constants", &board.placement.constants},
                                                         {"data", &board.placement.data},
                                                         {"stack", &board.placement.stack}};
  for (const auto& [name, region] : places) {
    *region = fields.Text(name);
    const MemoryRegion* const found = board.Region(*region);
    if (found == nullptr) {
      fields.Refuse(name, "the name of a memory region of this file");
    } else if (found->flash && board.kind == BoardKind::kGdb) {
      fields.Refuse(name, "RAM: a real board's flash is never written");
    } else if (found->flash && (region == &board.placement.data || region == &board.placement.stack)) {
      fields.Refuse(name, "RAM");
    }
  }
  fields.Finish();
}

void ReadConnection(JsonFields& file, Board& board) {
  if (board.kind == BoardKind::kGdb) {
    JsonFields fields = file.Object("gdb");
    board.gdb.server = fields.Text("server");
    board.gdb.reset = fields.Texts("reset");
    board.gdb.timer = static_cast<BoardTimer>(fields.Word("timer", {"none", "dwt", "systick"}));
    if (board.gdb.timer == BoardTimer::kNone) fields.Refuse("timer", "dwt or systick");
    fields.Finish();
    return;
  }
  JsonFields fields = file.Object("qemu");
  board.qemu.program = fields.Text("program");
  if (board.kind == BoardKind::kQemuSystem) board.qemu.machine = fields.Text("machine");
  if (fields.Has("cpu")) board.qemu.cpu = fields.Text("cpu");
  fields.Finish();
  board.gdb.timer = BoardTimer::kNone;
}

// Of the results' identity: everything but how a board is described and reached.
std::string DigestOf(nlohmann::json json) {
  json.erase("description");
  if (json.contains("gdb")) json["gdb"].erase("server");
  return Sha256Hex(json.dump()).substr(0, 8);
}

absl::StatusOr<Board> ParseJson(const nlohmann::json& json) {
  absl::Status error;
  Board board;
  JsonFields file(json, "", &error);
  board.name = file.Text("name");
  if (!IsName(board.name)) file.Refuse("name", "a word of letters, digits, '-', '_' and '.'");
  board.description = file.Text("description");
  board.kind = static_cast<BoardKind>(file.Word("kind", {"qemu-system", "qemu-user", "gdb"}));
  board.target = file.Text("target");
  board.core = file.Text("core");
  board.architecture = file.Text("architecture");
  board.isa_features = file.Texts("isa_features");
  board.clock_hz = file.Number("clock_hz", 1000, 100'000'000'000);
  JsonFields toolchain = file.Object("toolchain");
  board.toolchain.compiler = toolchain.Text("compiler");
  board.toolchain.flags = toolchain.Texts("flags");
  toolchain.Finish();
  if (board.kind != BoardKind::kQemuUser) {
    ReadMemory(file, board);
    ReadPlacement(file, board);
    board.stack_bytes = file.Number("stack_bytes", 512, 1 << 30);
    if (board.stack_bytes % 64 != 0) file.Refuse("stack_bytes", "a multiple of 64");
  }
  if (file.Has("caches")) ReadCaches(file, board);
  ReadConnection(file, board);
  if (file.Has("cycle_model")) ReadCycleModel(file, board);
  file.Finish();
  if (!error.ok()) return error;
  board.digest = DigestOf(json);
  return board;
}

absl::Status NotFound(const std::string& text) {
  return WithExitCode(absl::NotFoundError(absl::StrCat("there is no device '", text, "'; known are emulated:",
                                                       absl::StrJoin(BuiltinBoardNames(), ", emulated:"),
                                                       ", or the path of a device file (*.json)")),
                      ExitCode::kUsage);
}

}  // namespace

std::string Board::DeviceClass() const {
  return absl::StrCat(emulated() ? kEmulatedPrefix : "gdb:", name, "@", digest);
}

const MemoryRegion* Board::Region(absl::string_view region) const {
  for (const MemoryRegion& candidate : memory) {
    if (candidate.name == region) return &candidate;
  }
  return nullptr;
}

absl::StatusOr<Board> ParseBoard(absl::string_view text) {
  const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("device file: not valid JSON");
  absl::StatusOr<Board> board = ParseJson(json);
  if (!board.ok()) return WithContext(board.status(), "device file");
  return board;
}

absl::StatusOr<Board> FindBoard(absl::string_view name_or_path) {
  const std::string text(name_or_path);
  if (absl::StartsWith(text, kEmulatedPrefix)) {
    for (const char* json : BuiltinBoardJson()) {
      TUNEFARM_ASSIGN_OR_RETURN(Board board, ParseBoard(json));
      if (text == kEmulatedPrefix + board.name) return board;
    }
    return NotFound(text);
  }
  if (!absl::StrContains(text, '/') && !absl::EndsWith(text, ".json")) return NotFound(text);
  const absl::StatusOr<std::string> content = ReadFile(text);
  if (!content.ok()) return WithExitCode(WithContext(content.status(), "device file"), ExitCode::kUsage);
  absl::StatusOr<Board> board = ParseBoard(*content);
  if (!board.ok()) return WithExitCode(WithContext(board.status(), text), ExitCode::kUsage);
  return board;
}

std::vector<std::string> BuiltinBoardNames() {
  std::vector<std::string> names;
  for (const char* json : BuiltinBoardJson()) {
    if (const absl::StatusOr<Board> board = ParseBoard(json); board.ok()) names.push_back(board->name);
  }
  return names;
}

}  // namespace tunefarm
