// Workload::Parse: OPERATOR:KEY=VALUE,KEY=VALUE,...
#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "base/exit_code.h"
#include "schedules/compute.h"
#include "schedules/operator_table.h"
#include "schedules/text_error.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {
namespace {

// Indices of elements fit in 32 bits in the kernels; beyond it the numbers are a mistake and not a layer.
constexpr int64_t kMaxElements = int64_t{1} << 31;
// Doubles count exactly up to here.
constexpr double kMaxFlop = 0x1.0p53;

absl::Status BadWorkload(absl::string_view text, std::size_t position, absl::string_view message) {
  return WithExitCode(
      absl::InvalidArgumentError(absl::StrCat("workload, ", PointAt(text, position, message))),
      ExitCode::kBadWorkload);
}

absl::Status Overflow(absl::string_view text, std::size_t position, absl::string_view message) {
  return WithExitCode(absl::OutOfRangeError(absl::StrCat("workload, ", PointAt(text, position, message))),
                      ExitCode::kShapeOverflow);
}

// A piece of the text and where it starts.
struct Piece {
  absl::string_view text;
  std::size_t position = 0;
};

struct KeyValue {
  Piece key, value;
};

std::string FoundOrEnd(absl::string_view text) { return text.empty() ? "nothing" : Quoted(text); }

// Splits what follows "OPERATOR:" at commas and each part at its '='.
absl::StatusOr<std::vector<KeyValue>> SplitPairs(absl::string_view text, std::size_t begin) {
  std::vector<KeyValue> pairs;
  for (;;) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const absl::string_view part = text.substr(begin, end - begin);
    const std::size_t equals = part.find('=');
    if (equals == absl::string_view::npos) {
      if (part.empty()) return BadWorkload(text, begin, "expected KEY=VALUE, found nothing");
      return BadWorkload(text, end, absl::StrCat("expected '=' after the key ", Quoted(part)));
    }
    pairs.push_back({{part.substr(0, equals), begin}, {part.substr(equals + 1), begin + equals + 1}});
    if (end == text.size()) return pairs;
    begin = end + 1;
  }
}

absl::StatusOr<int64_t> ParseNumber(absl::string_view text, const KeyInfo& key, const Piece& value) {
  if (value.text.empty()) {
    return BadWorkload(text, value.position,
                       absl::StrCat("expected a number for '", key.name, "', found nothing"));
  }
  for (std::size_t i = 0; i < value.text.size(); ++i) {
    if (value.text[i] < '0' || value.text[i] > '9') {
      return BadWorkload(
          text, value.position + i,
          absl::StrCat("expected a whole number for '", key.name, "', found ", Quoted(value.text)));
    }
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(value.text, &number) || number > kMaxElements) {
    return Overflow(text, value.position,
                    absl::StrCat("'", key.name, "' is larger than 2^31; found ", Quoted(value.text)));
  }
  if (number < key.minimum) {
    return BadWorkload(text, value.position,
                       absl::StrCat("'", key.name, "' must be at least ", key.minimum, ", found ", number));
  }
  return number;
}

absl::StatusOr<std::vector<EpilogueStep>> ParseEpilogue(absl::string_view text, const Piece& value) {
  constexpr EpilogueStep kSteps[] = {EpilogueStep::kBias, EpilogueStep::kResidual, EpilogueStep::kRelu,
                                     EpilogueStep::kRelu6};
  std::vector<std::string> names;
  for (const EpilogueStep step : kSteps) names.emplace_back(EpilogueStepName(step));

  std::vector<EpilogueStep> steps;
  if (value.text == "none") return steps;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = std::min(value.text.find('+', begin), value.text.size());
    const absl::string_view word = value.text.substr(begin, end - begin);
    const std::size_t position = value.position + begin;
    std::optional<EpilogueStep> found;
    for (const EpilogueStep step : kSteps) {
      if (word == EpilogueStepName(step)) found = step;
    }
    if (!found.has_value()) {
      return BadWorkload(text, position,
                         absl::StrCat("expected 'none' or steps out of ", absl::StrJoin(names, ", "),
                                      " joined by '+', found ", FoundOrEnd(word), DidYouMean(word, names)));
    }
    if (std::find(steps.begin(), steps.end(), *found) != steps.end()) {
      return BadWorkload(text, position,
                         absl::StrCat("the epilogue has '", EpilogueStepName(*found), "' twice"));
    }
    steps.push_back(*found);
    if (end == value.text.size()) return steps;
    begin = end + 1;
  }
}

std::string ShapeText(const Tensor& tensor) {
  return absl::StrCat("[", absl::StrJoin(tensor.shape, ","), "]");
}

}  // namespace

absl::StatusOr<Workload> Workload::Parse(absl::string_view text) {
  // The operator.
  const std::size_t colon = text.find(':');
  const absl::string_view name =
      text.substr(0, std::min({colon, text.find(','), text.find('='), text.size()}));
  const OperatorInfo* info = FindOperator(name);
  if (info == nullptr) {
    const std::string message =
        absl::StrCat("expected an operator (", absl::StrJoin(OperatorNames(), ", "), "), found ",
                     FoundOrEnd(name), DidYouMean(name, OperatorNames()));
    absl::Status status = absl::InvalidArgumentError(absl::StrCat("workload, ", PointAt(text, 0, message)));
    // Without any operator it is not a workload; with one that we lack it is one for another tool.
    return WithExitCode(status, name.empty() ? ExitCode::kBadWorkload : ExitCode::kUnknownOperator);
  }
  if (colon != name.size()) {
    return BadWorkload(text, name.size(), absl::StrCat("expected ':' after the operator '", info->name, "'"));
  }

  // The keys.
  std::vector<std::string> known;
  for (const KeyInfo& key : info->keys) known.emplace_back(key.name);
  if (info->has_layout) known.emplace_back("layout");
  known.insert(known.end(), {"dtype", "epilogue"});

  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<KeyValue> pairs, SplitPairs(text, colon + 1));
  std::map<absl::string_view, Piece> given;
  for (const KeyValue& pair : pairs) {
    if (std::find(known.begin(), known.end(), pair.key.text) == known.end()) {
      return BadWorkload(
          text, pair.key.position,
          absl::StrCat(info->name, " has no key ", FoundOrEnd(pair.key.text), ", its keys are ",
                       absl::StrJoin(known, ", "), DidYouMean(pair.key.text, known)));
    }
    if (!given.emplace(pair.key.text, pair.value).second) {
      return BadWorkload(text, pair.key.position,
                         absl::StrCat("the key '", pair.key.text, "' is given twice"));
    }
  }

  // The values.
  Workload workload;
  workload.op_ = info->op;
  for (const KeyInfo& key : info->keys) {
    const auto found = given.find(key.name);
    if (found == given.end()) {
      if (!key.default_value.has_value()) {
        return BadWorkload(text, text.size(), absl::StrCat("the key '", key.name, "' is missing"));
      }
      workload.dims_[key.name] = *key.default_value;
      continue;
    }
    TUNEFARM_ASSIGN_OR_RETURN(workload.dims_[key.name], ParseNumber(text, key, found->second));
  }
  if (info->has_layout) {
    const auto found = given.find("layout");
    if (found == given.end())
      return BadWorkload(text, text.size(), "the key 'layout' (nchw or nhwc) is missing");
    const Piece& value = found->second;
    if (value.text == LayoutName(Layout::kNchw)) {
      workload.layout_ = Layout::kNchw;
    } else if (value.text == LayoutName(Layout::kNhwc)) {
      workload.layout_ = Layout::kNhwc;
    } else {
      return BadWorkload(text, value.position,
                         absl::StrCat("expected the layout nchw or nhwc, found ", FoundOrEnd(value.text)));
    }
  }
  if (const auto found = given.find("dtype");
      found != given.end() && found->second.text != DTypeName(DType::kF32)) {
    return BadWorkload(text, found->second.position,
                       absl::StrCat("expected the data type f32, found ", FoundOrEnd(found->second.text)));
  }
  if (const auto found = given.find("epilogue"); found != given.end()) {
    TUNEFARM_ASSIGN_OR_RETURN(workload.epilogue_, ParseEpilogue(text, found->second));
  }

  // Whether the values fit each other.
  if (info->has_layout) {
    for (const auto& [size_key, kernel_key] : {std::pair{"h", "kh"}, std::pair{"w", "kw"}}) {
      const int64_t window = (workload.dim(kernel_key) - 1) * workload.dim("dilation") + 1;
      const int64_t padded = workload.dim(size_key) + 2 * workload.dim("pad");
      if (window > padded) {
        return BadWorkload(text, given[kernel_key].position,
                           absl::StrCat("the kernel spans ", window, " in '", kernel_key, "' (with dilation ",
                                        workload.dim("dilation"), "), but the padded input has only ", padded,
                                        " in '", size_key, "'"));
      }
    }
  }
  if (info->op == Operator::kConv2d) {
    const int64_t groups = workload.dim("groups");
    for (const char* channels : {"ci", "co"}) {
      if (workload.dim(channels) % groups != 0) {
        return BadWorkload(text, given["groups"].position,
                           absl::StrCat(groups, " groups do not divide '", channels, "', which is ",
                                        workload.dim(channels)));
      }
    }
  }

  // Whether it is of a size that can be computed. Products are taken in double: they may exceed 2^63.
  const ComputeDefinition compute = DefineCompute(workload);
  for (const Tensor& tensor : compute.tensors) {
    double elements = 1;
    for (const int64_t extent : tensor.shape) elements *= static_cast<double>(extent);
    if (elements > static_cast<double>(kMaxElements)) {
      return Overflow(
          text, 0,
          absl::StrCat("tensor '", tensor.name, "' ", ShapeText(tensor), " has more than 2^31 elements"));
    }
  }
  if (compute.flop > kMaxFlop) return Overflow(text, 0, "the operator has more than 2^53 flop");
  return workload;
}

}  // namespace tunefarm::schedules
