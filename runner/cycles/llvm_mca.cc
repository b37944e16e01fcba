#include "runner/cycles/llvm_mca.h"

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/subprocess.h"
#include "runner/cycles/in_order_rules.h"

namespace tunefarm::cycles {
namespace {

constexpr char kDisassembler[] = "llvm-mc-19";
constexpr char kAnalyser[] = "llvm-mca-19";

// One run does all: every listing stands there once and several times over, and the difference is the steady
// state's. What the pipeline's state at both ends leaves over is a cycle or two in all: well below a
// hundredth of what a block takes.
constexpr int kIterations = 10;
constexpr std::size_t kLongBlock = 32;
int CopiesOf(const Listing& listing) { return listing.size() > kLongBlock ? 3 : 5; }

// LINE of "FILE:LINE:COLUMN: KIND ..."; 0: another message.
int MessageLine(absl::string_view message, absl::string_view kind) {
  if (!absl::ConsumePrefix(&message, LlvmTool::kInput) || !absl::ConsumePrefix(&message, ":") ||
      !absl::StrContains(message, kind)) {
    return 0;
  }
  int line = 0;
  return absl::SimpleAtoi(message.substr(0, message.find(':')), &line) ? line : 0;
}

// Low-overhead loops, which LLVM's models do not have.
bool IsLoopEnd(absl::string_view text) { return text == "le" || text == "letp"; }
bool IsLoopStart(absl::string_view text) {
  return absl::StartsWith(text, "wls") || absl::StartsWith(text, "dls");
}

absl::string_view Mnemonic(absl::string_view text) { return text.substr(0, text.find_first_of("\t ")); }

// Starting such a loop takes an issue slot; `le` is kept by the core and costs nothing from its second time
// on.
void StripLoops(Listing* listing, McaCost* cost) {
  for (std::string& text : *listing) {
    const absl::string_view mnemonic = Mnemonic(text);
    if (!IsLoopEnd(mnemonic) && !IsLoopStart(mnemonic)) continue;
    cost->low_overhead_loop = IsLoopEnd(mnemonic);
    if (IsLoopStart(mnemonic)) cost->cycles += 1;
    text.clear();
  }
}

absl::StatusOr<std::vector<Listing>> Disassemble(LlvmTool& disassembler,
                                                 const std::vector<const CodeBlock*>& blocks) {
  // One instruction a line, so that a refusal's line says which.
  std::string input;
  std::size_t lines = 0;
  for (const CodeBlock* block : blocks) {
    std::size_t offset = 0;
    for (const std::uint8_t size : block->sizes) {
      for (std::size_t i = 0; i < size; ++i) {
        absl::StrAppendFormat(&input, "0x%02x ", static_cast<unsigned char>(block->code[offset + i]));
      }
      input.back() = '\n';
      offset += size;
      ++lines;
    }
  }
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, disassembler.Run(input));
  std::vector<bool> invalid(lines);
  for (absl::string_view message : absl::StrSplit(result.err, '\n')) {
    const int line = MessageLine(message, "warning: invalid instruction encoding");
    if (line > 0 && static_cast<std::size_t>(line) <= lines)
      invalid[static_cast<std::size_t>(line) - 1] = true;
  }
  std::vector<absl::string_view> texts;
  for (absl::string_view line : absl::StrSplit(result.out, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '.') texts.push_back(line);
  }
  std::vector<Listing> listings;
  std::size_t line = 0, text = 0;
  for (const CodeBlock* block : blocks) {
    Listing& listing = listings.emplace_back();
    for (std::size_t i = 0; i < block->sizes.size(); ++i, ++line) {
      if (invalid[line] || text == texts.size()) {
        listing.emplace_back();
      } else {
        listing.emplace_back(texts[text++]);
      }
    }
  }
  if (text == texts.size()) return listings;
  // What is no code of this core, such as the Arm code that leads from a Thumb library to another, may be
  // read as more instructions than it has. Whose fault it was shows one by one.
  if (blocks.size() == 1) return std::vector<Listing>{Listing(blocks[0]->sizes.size())};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    TUNEFARM_ASSIGN_OR_RETURN(std::vector<Listing> one, Disassemble(disassembler, {blocks[b]}));
    listings[b] = std::move(one[0]);
  }
  return listings;
}

// Cycles of each listing in the steady state; 0 for one of which the model has nothing. What it lacks is
// left out and counted in `unmodelled`.
absl::StatusOr<std::vector<double>> Simulate(LlvmTool& analyser, const std::vector<Listing>& listings,
                                             std::vector<int>* unmodelled) {
  std::string input;
  std::vector<std::size_t> region_of_line = {0};  // Lines count from 1.
  const auto add_line = [&](std::size_t region, absl::string_view text) {
    absl::StrAppend(&input, text, "\n");
    region_of_line.push_back(region);
  };
  // Twice as many regions as listings: the single one of each, then the one of copies.
  for (std::size_t r = 0; r < 2 * listings.size(); ++r) {
    const Listing& listing = listings[r / 2];
    add_line(r, absl::StrCat("# LLVM-MCA-BEGIN ", r));
    for (int copy = 0; copy < (r % 2 == 0 ? 1 : CopiesOf(listing)); ++copy) {
      for (const std::string& text : listing) {
        if (!text.empty()) add_line(r, text);
      }
    }
    add_line(r, "# LLVM-MCA-END");
  }
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, analyser.Run(input));
  std::vector<double> totals(2 * listings.size());
  std::size_t region = totals.size();
  for (absl::string_view line : absl::StrSplit(result.out, '\n')) {
    const std::size_t name = line.find("] Code Region - ");
    if (name != absl::string_view::npos && !absl::SimpleAtoi(line.substr(name + 16), &region)) {
      region = totals.size();
    }
    if (absl::ConsumePrefix(&line, "Total Cycles:") && region < totals.size()) {
      if (!absl::SimpleAtod(absl::StripAsciiWhitespace(line), &totals[region])) region = totals.size();
    }
  }
  absl::flat_hash_set<std::string> lacking;
  absl::flat_hash_set<int> refused;
  for (absl::string_view line : absl::StrSplit(result.err, '\n')) {
    if (absl::ConsumePrefix(&line, "note: instruction:")) {
      lacking.insert(std::string(absl::StripAsciiWhitespace(line)));
    } else if (const int number = MessageLine(line, "error:"); number > 0) {
      refused.insert(number);
    }
  }
  unmodelled->assign(listings.size(), 0);
  for (const int line : refused) {
    const auto at = static_cast<std::size_t>(line);
    if (at < region_of_line.size() && region_of_line[at] % 2 == 0) ++(*unmodelled)[region_of_line[at] / 2];
  }
  std::vector<double> cycles(listings.size());
  for (std::size_t l = 0; l < listings.size(); ++l) {
    for (const std::string& text : listings[l]) (*unmodelled)[l] += lacking.contains(text);
    cycles[l] = (totals[2 * l + 1] - totals[2 * l]) / (kIterations * (CopiesOf(listings[l]) - 1));
  }
  return cycles;
}

}  // namespace

// A call's latency is the callee's, which is counted by itself.
LlvmMca::LlvmMca(McaCore core, std::string version)
    : core_(std::move(core)),
      version_(std::move(version)),
      disassembler_(std::make_unique<LlvmTool>(
          std::vector<std::string>{kDisassembler, "-disassemble", "-triple=" + core_.triple,
                                   "-mcpu=" + core_.cpu, "-mattr=" + core_.attributes})),
      analyser_(std::make_unique<LlvmTool>(std::vector<std::string>{
          kAnalyser, "-mtriple=" + core_.triple, "-mcpu=" + core_.cpu, "-mattr=" + core_.attributes,
          "-call-latency=1", absl::StrCat("-iterations=", kIterations), "-resource-pressure=0",
          "-instruction-info=0", "-skip-unsupported-instructions=any"})) {}

absl::StatusOr<LlvmMca> LlvmMca::Create(const McaCore& core) {
  absl::StatusOr<RunResult> result = LlvmTool::Version(kAnalyser);
  if (result.ok()) {
    const absl::StatusOr<RunResult> disassembler = LlvmTool::Version(kDisassembler);
    if (!disassembler.ok()) result = disassembler.status();
  }
  if (absl::IsNotFound(result.status())) {
    return absl::NotFoundError(
        absl::StrCat("cycles of this core are estimated with LLVM's scheduling models, but ",
                     result.status().message(), ": install the package llvm-19"));
  }
  TUNEFARM_RETURN_IF_ERROR(result.status());
  const std::size_t at = result->out.find("LLVM version ");
  if (at == std::string::npos)
    return absl::InternalError(absl::StrCat(kAnalyser, " does not tell its version"));
  const std::string version = result->out.substr(at + 13);
  return LlvmMca(core, version.substr(0, version.find_first_not_of("0123456789.")));
}

absl::StatusOr<std::vector<McaCost>> LlvmMca::Analyse(const std::vector<const CodeBlock*>& blocks) const {
  std::vector<McaCost> costs(blocks.size());
  if (blocks.empty()) return costs;
  TUNEFARM_ASSIGN_OR_RETURN(std::vector<Listing> listings, Disassemble(*disassembler_, blocks));
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    for (const std::string& text : listings[b]) costs[b].unmodelled += text.empty();
    StripLoops(&listings[b], &costs[b]);
    if (core_.predicts_branches) PredictBranches(&listings[b]);
  }
  // The parts that are simulated, and whose they are.
  std::vector<Listing> parts;
  std::vector<std::size_t> block_of_part;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    for (Listing& part : core_.parts_float ? PartFloat(listings[b]) : std::vector<Listing>{listings[b]}) {
      parts.push_back(std::move(part));
      block_of_part.push_back(b);
    }
  }
  std::vector<int> unmodelled;
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<double> steady, Simulate(*analyser_, parts, &unmodelled));
  std::vector<double> cycles(blocks.size());
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const std::size_t b = block_of_part[p];
    costs[b].unmodelled += unmodelled[p];
    cycles[b] = std::max(cycles[b], steady[p]);
    // Two instructions a cycle at most.
    if (parts[p].size() < listings[b].size()) cycles[b] = std::max(cycles[b], 0.5 * listings[b].size());
  }
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (core_.narrow_simd) cycles[b] = std::max(cycles[b], NarrowSimdFloor(listings[b], core_.narrow_loads));
    if (core_.serial_neon) cycles[b] = std::max(cycles[b], SerialNeonFloor(listings[b]));
    costs[b].cycles += cycles[b];
  }
  return costs;
}

}  // namespace tunefarm::cycles
