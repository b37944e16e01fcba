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
// Each adds at most 255 * 127, which leaves a hundredth of int32's range to the bias.
constexpr double kMaxInt8Terms = 65536;

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
  const bool negative = key.minimum < 0 && value.text[0] == '-';
  for (std::size_t i = negative; i < value.text.size(); ++i) {
    if (value.text[i] < '0' || value.text[i] > '9') {
      return BadWorkload(
          text, value.position + i,
          absl::StrCat("expected a whole number for '", key.name, "', found ", Quoted(value.text)));
    }
  }
  if (negative && value.text.size() == 1) {
    return BadWorkload(text, value.position + 1,
                       absl::StrCat("expected a digit after '-' for '", key.name, "'"));
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
  if (number > key.maximum) {
    return BadWorkload(text, value.position,
                       absl::StrCat("'", key.name, "' must be at most ", key.maximum, ", found ", number));
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

// The pairs of a text by key, and where each began.
using Given = std::map<absl::string_view, KeyValue>;

// Appends the names of `keys` and of their parts.
void AppendNames(const std::vector<KeyInfo>& keys, std::vector<std::string>& names) {
  for (const KeyInfo& key : keys) {
    names.push_back(key.name);
    names.insert(names.end(), key.parts.begin(), key.parts.end());
  }
}

// The value of `key` or of its parts, into `dims`.
absl::Status ParseKey(absl::string_view text, const KeyInfo& key, const Given& given,
                      std::map<std::string, int64_t, std::less<>>& dims) {
  const auto whole = given.find(key.name);
  if (whole == given.end() && !key.default_value.has_value()) {
    return BadWorkload(text, text.size(), absl::StrCat("the key '", key.name, "' is missing"));
  }
  int64_t value = key.default_value.value_or(0);
  if (whole != given.end()) {
    TUNEFARM_ASSIGN_OR_RETURN(value, ParseNumber(text, key, whole->second.value));
  }
  if (key.parts.empty()) dims[key.name] = value;
  for (const std::string& part : key.parts) {
    dims[part] = value;
    const auto found = given.find(part);
    if (found == given.end()) continue;
    if (whole != given.end()) {
      return BadWorkload(
          text, std::max(whole->second.key.position, found->second.key.position),
          absl::StrCat("'", key.name, "' says what '", part, "' says; give one of them, not both"));
    }
    KeyInfo part_info = key;
    part_info.name = part;
    TUNEFARM_ASSIGN_OR_RETURN(dims[part], ParseNumber(text, part_info, found->second.value));
  }
  return absl::OkStatus();
}

// One of a few words; the first is the default.
template <typename Enum>
absl::StatusOr<Enum> ParseWord(absl::string_view text, const char* key, const char* noun, const Given& given,
                               const std::vector<Enum>& values, absl::string_view (*name)(Enum)) {
  const auto found = given.find(key);
  if (found == given.end()) return values.front();
  const Piece& value = found->second.value;
  std::vector<std::string> names;
  for (const Enum candidate : values) {
    if (value.text == name(candidate)) return candidate;
    names.emplace_back(name(candidate));
  }
  return BadWorkload(text, value.position,
                     absl::StrCat("expected the ", noun, " ", absl::StrJoin(names, " or "), ", found ",
                                  FoundOrEnd(value.text), DidYouMean(value.text, names)));
}

// What int8 asks beyond the single keys.
absl::Status CheckInt8(absl::string_view text, const Workload& workload, const Given& given) {
  if (workload.layout() != Layout::kNone && workload.layout() != Layout::kNhwc) {
    return BadWorkload(text, given.at("layout").value.position,
                       absl::StrCat("i8 is TFLite's quantisation and comes in its layout, nhwc; there is no ",
                                    LayoutName(workload.layout()), " form"));
  }
  for (const EpilogueStep step : workload.epilogue()) {
    if (step == EpilogueStep::kBias) continue;
    return BadWorkload(
        text, given.at("epilogue").value.position,
        absl::StrCat("an i8 operator's epilogue is 'bias' or 'none': '", EpilogueStepName(step),
                     "' is said by amin and amax where it is an activation, and by an operator "
                     "of its own otherwise"));
  }
  const bool clamps = workload.op() != Operator::kSoftmax;
  if (clamps && workload.dim("amin") > workload.dim("amax")) {
    const absl::string_view key = given.count("amin") > 0 ? "amin" : "amax";
    return BadWorkload(
        text, given.at(key).value.position,
        absl::StrCat("'amin' is above 'amax': ", workload.dim("amin"), " > ", workload.dim("amax")));
  }
  return absl::OkStatus();
}

const std::vector<Layout>& Layouts() {
  static const auto* layouts =
      new std::vector<Layout>{Layout::kNchw, Layout::kNhwc, Layout::kNchw8c, Layout::kNchw16c};
  return *layouts;
}
std::vector<std::string> LayoutNames() {
  std::vector<std::string> names;
  for (const Layout layout : Layouts()) names.emplace_back(LayoutName(layout));
  return names;
}

// That every group has whole blocks of channels.
absl::Status CheckBlocks(absl::string_view text, const Workload& workload, const Given& given) {
  const int64_t block = ChannelBlock(workload.layout());
  if (block == 1) return absl::OkStatus();
  const bool depthwise = workload.op() == Operator::kDepthwiseConv2d;
  if (depthwise && workload.dim("mult") != 1) {
    return BadWorkload(text, given.at("mult").value.position,
                       absl::StrCat("'mult' must be 1 in the layout ", LayoutName(workload.layout()),
                                    ", found ", workload.dim("mult")));
  }
  const int64_t groups = depthwise ? 1 : workload.dim("groups");
  for (const char* key : {"c", "ci", "co"}) {
    if (depthwise != (std::string_view(key) == "c") || workload.dim(key) / groups % block == 0) continue;
    return BadWorkload(
        text, given.at(key).value.position,
        absl::StrCat("the layout ", LayoutName(workload.layout()), " holds channels in blocks of ", block,
                     ", but '", key, "' is ", workload.dim(key),
                     groups > 1 ? absl::StrCat(" in ", groups, " groups") : "",
                     "; pad the channels or name another layout"));
  }
  return absl::OkStatus();
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
  AppendNames(info->keys, known);
  if (info->has_layout) known.emplace_back("layout");
  known.emplace_back("dtype");
  if (info->has_epilogue) known.emplace_back("epilogue");
  std::vector<std::string> quantized;
  AppendNames(info->int8_keys, quantized);
  if (info->has_rounding) quantized.emplace_back("rounding");
  known.insert(known.end(), quantized.begin(), quantized.end());
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<KeyValue> pairs, SplitPairs(text, colon + 1));
  Given given;
  for (const KeyValue& pair : pairs) {
    if (std::find(known.begin(), known.end(), pair.key.text) == known.end()) {
      return BadWorkload(
          text, pair.key.position,
          absl::StrCat(info->name, " has no key ", FoundOrEnd(pair.key.text), ", its keys are ",
                       absl::StrJoin(known, ", "), DidYouMean(pair.key.text, known)));
    }
    if (!given.emplace(pair.key.text, pair).second) {
      return BadWorkload(text, pair.key.position,
                         absl::StrCat("the key '", pair.key.text, "' is given twice"));
    }
  }

  // The values.
  Workload workload;
  workload.op_ = info->op;
  for (const KeyInfo& key : info->keys) {
    TUNEFARM_RETURN_IF_ERROR(ParseKey(text, key, given, workload.dims_));
  }
  if (info->has_layout) {
    if (given.count("layout") == 0) {
      return BadWorkload(
          text, text.size(),
          absl::StrCat("the key 'layout' (", absl::StrJoin(LayoutNames(), ", "), ") is missing"));
    }
    TUNEFARM_ASSIGN_OR_RETURN(workload.layout_,
                              ParseWord(text, "layout", "layout", given, Layouts(), LayoutName));
  }
  TUNEFARM_ASSIGN_OR_RETURN(workload.dtype_,
                            ParseWord(text, "dtype", "data type", given, info->dtypes, DTypeName));
  if (const auto found = given.find("epilogue"); found != given.end()) {
    TUNEFARM_ASSIGN_OR_RETURN(workload.epilogue_, ParseEpilogue(text, found->second.value));
  }
  if (workload.dtype_ == DType::kI8) {
    for (const KeyInfo& key : info->int8_keys) {
      TUNEFARM_RETURN_IF_ERROR(ParseKey(text, key, given, workload.dims_));
    }
    TUNEFARM_ASSIGN_OR_RETURN(
        workload.rounding_,
        ParseWord(text, "rounding", "rounding", given, {Rounding::kDouble, Rounding::kSingle}, RoundingName));
    TUNEFARM_RETURN_IF_ERROR(CheckInt8(text, workload, given));
  } else {
    for (const std::string& key : quantized) {
      if (const auto found = given.find(key); found != given.end()) {
        return BadWorkload(text, found->second.key.position,
                           absl::StrCat("the key '", key, "' needs dtype=i8"));
      }
    }
  }

  // Whether the values fit each other.
  if (info->has_layout) {
    const bool pooling = info->op == Operator::kAvgPool2d || info->op == Operator::kMaxPool2d;
    const int64_t dilation = pooling ? 1 : workload.dim("dilation");
    struct Dimension {
      const char *size, *kernel, *pad_before, *pad_after;
    };
    for (const Dimension& d :
         {Dimension{"h", "kh", "pad_t", "pad_b"}, Dimension{"w", "kw", "pad_l", "pad_r"}}) {
      const int64_t window = (workload.dim(d.kernel) - 1) * dilation + 1;
      const int64_t padded = workload.dim(d.size) + workload.dim(d.pad_before) + workload.dim(d.pad_after);
      if (window > padded) {
        return BadWorkload(
            text, given.at(d.kernel).value.position,
            absl::StrCat("the kernel spans ", window, " in '", d.kernel, "' (with dilation ", dilation,
                         "), but the padded input has only ", padded, " in '", d.size, "'"));
      }
      if (pooling && std::max(workload.dim(d.pad_before), workload.dim(d.pad_after)) >= window) {
        return BadWorkload(text, given.at(d.kernel).value.position,
                           absl::StrCat("the padding must be smaller than '", d.kernel,
                                        "': a window that is all padding has no result"));
      }
    }
  }
  if (info->op == Operator::kConv2d) {
    const int64_t groups = workload.dim("groups");
    for (const char* channels : {"ci", "co"}) {
      if (workload.dim(channels) % groups != 0) {
        return BadWorkload(text, given.at("groups").value.position,
                           absl::StrCat(groups, " groups do not divide '", channels, "', which is ",
                                        workload.dim(channels)));
      }
    }
  }

  TUNEFARM_RETURN_IF_ERROR(CheckBlocks(text, workload, given));

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
  if (compute.formula == Formula::kMultiplyAdd && compute.requantize.has_value() &&
      compute.terms() > kMaxInt8Terms) {
    return Overflow(text, 0, "an i8 sum of more than 65536 terms can exceed the 32 bits that it is taken in");
  }
  if (compute.flop > kMaxFlop) return Overflow(text, 0, "the operator has more than 2^53 flop");
  return workload;
}

}  // namespace tunefarm::schedules
