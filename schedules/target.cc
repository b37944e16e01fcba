#include "schedules/target.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "schedules/builtin_targets.h"
#include "schedules/host_target.h"
#include "schedules/text_error.h"

namespace tunefarm::schedules {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string>& FieldNames() {
  static const auto* names = new std::vector<std::string>{
      "name",          "architecture", "isa_features", "vector_bytes", "vector_registers",
      "fma_per_cycle", "fma_latency",  "has_fma",      "l1d_bytes",    "l2_bytes",
      "l3_bytes",      "cores",        "compiler",     "flags"};
  return *names;
}

// May be absent; then the default of Target holds.
const std::vector<std::string>& OptionalFieldNames() {
  static const auto* names = new std::vector<std::string>{"kernel_format", "data_bytes", "constant_bytes"};
  return *names;
}

absl::Status BadField(absl::string_view field, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("target: field '", field, "' must be ", expected));
}

// Printable ASCII only: names and flags are shown, stored and passed to programs.
bool IsPlain(const std::string& text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return !text.empty();
}

bool IsName(const std::string& text) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return !text.empty();
}

absl::Status ReadWord(const Json& json, const char* field, bool name, std::string& value) {
  if (!json[field].is_string()) return BadField(field, "a string");
  value = json[field].get<std::string>();
  if (name ? !IsName(value) : !IsPlain(value)) {
    return BadField(field, name ? "a word of letters, digits, '-', '_' and '.'" : "printable and not empty");
  }
  return absl::OkStatus();
}

absl::Status ReadList(const Json& json, const char* field, std::vector<std::string>& values) {
  if (!json[field].is_array()) return BadField(field, "a list of strings");
  for (const Json& item : json[field]) {
    if (!item.is_string() || !IsPlain(item.get<std::string>()))
      return BadField(field, "a list of printable strings");
    values.push_back(item.get<std::string>());
  }
  return absl::OkStatus();
}

template <typename Integer>
absl::Status ReadNumber(const Json& json, const char* field, int64_t low, int64_t high, Integer& value) {
  if (!json[field].is_number_integer() || json[field].get<double>() < static_cast<double>(low) ||
      json[field].get<double>() > static_cast<double>(high)) {
    return BadField(field, absl::StrCat("a whole number from ", low, " to ", high));
  }
  value = json[field].get<Integer>();
  return absl::OkStatus();
}

}  // namespace

bool HasFeature(const Target& target, const char* feature) {
  return std::ranges::find(target.isa_features, feature) != target.isa_features.end();
}

std::string Target::ToJson() const {
  Json json;
  json["name"] = name;
  json["architecture"] = architecture;
  json["isa_features"] = isa_features;
  json["vector_bytes"] = vector_bytes;
  json["vector_registers"] = vector_registers;
  json["fma_per_cycle"] = fma_per_cycle;
  json["fma_latency"] = fma_latency;
  json["has_fma"] = has_fma;
  json["l1d_bytes"] = l1d_bytes;
  json["l2_bytes"] = l2_bytes;
  json["l3_bytes"] = l3_bytes;
  json["cores"] = cores;
  json["compiler"] = compiler;
  json["flags"] = flags;
  // Only where it says something, so that the texts of older targets, stored with records, stay as they are.
  if (kernel_format == KernelFormat::kObject) json["kernel_format"] = "object";
  if (data_bytes > 0) json["data_bytes"] = data_bytes;
  if (constant_bytes > 0) json["constant_bytes"] = constant_bytes;
  return json.dump();
}

absl::StatusOr<Target> ParseTarget(absl::string_view text) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("target: not valid JSON");
  if (!json.is_object()) return absl::InvalidArgumentError("target: not a JSON object");
  for (const auto& [field, value] : json.items()) {
    std::vector<std::string> known = FieldNames();
    known.insert(known.end(), OptionalFieldNames().begin(), OptionalFieldNames().end());
    if (std::find(known.begin(), known.end(), field) == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("target: there is no field ", Quoted(field), DidYouMean(field, known)));
    }
  }
  for (const std::string& field : FieldNames()) {
    if (!json.contains(field))
      return absl::InvalidArgumentError(absl::StrCat("target: field '", field, "' is missing"));
  }

  constexpr int64_t kMaxCache = int64_t{1} << 40;
  Target target;
  TUNEFARM_RETURN_IF_ERROR(ReadWord(json, "name", true, target.name));
  TUNEFARM_RETURN_IF_ERROR(ReadWord(json, "architecture", true, target.architecture));
  TUNEFARM_RETURN_IF_ERROR(ReadList(json, "isa_features", target.isa_features));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "vector_bytes", 4, 256, target.vector_bytes));
  if ((target.vector_bytes & (target.vector_bytes - 1)) != 0)
    return BadField("vector_bytes", "a power of two");
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "vector_registers", 1, 256, target.vector_registers));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "fma_per_cycle", 1, 64, target.fma_per_cycle));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "fma_latency", 1, 64, target.fma_latency));
  if (!json["has_fma"].is_boolean()) return BadField("has_fma", "true or false");
  target.has_fma = json["has_fma"].get<bool>();
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "l1d_bytes", 1, kMaxCache, target.l1d_bytes));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "l2_bytes", 0, kMaxCache, target.l2_bytes));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "l3_bytes", 0, kMaxCache, target.l3_bytes));
  TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, "cores", 1, 65536, target.cores));
  TUNEFARM_RETURN_IF_ERROR(ReadWord(json, "compiler", false, target.compiler));
  TUNEFARM_RETURN_IF_ERROR(ReadList(json, "flags", target.flags));
  for (const auto& [field, bytes] :
       {std::pair("data_bytes", &target.data_bytes), {"constant_bytes", &target.constant_bytes}}) {
    if (json.contains(field)) TUNEFARM_RETURN_IF_ERROR(ReadNumber(json, field, 0, kMaxCache, *bytes));
  }
  if (json.contains("kernel_format")) {
    if (json["kernel_format"] != "shared_library" && json["kernel_format"] != "object") {
      return BadField("kernel_format", "\"shared_library\" or \"object\"");
    }
    target.kernel_format =
        json["kernel_format"] == "object" ? KernelFormat::kObject : KernelFormat::kSharedLibrary;
  }
  return target;
}

absl::StatusOr<Target> FindTarget(absl::string_view name_or_path) {
  const std::string text(name_or_path);
  if (text == "host") {
    utsname names;
    if (uname(&names) != 0) return ErrnoToStatus(errno, "uname");
    return DetectHostTarget("", names.machine);
  }
  for (const char* json : BuiltinTargetJson()) {
    TUNEFARM_ASSIGN_OR_RETURN(Target target, ParseTarget(json));
    if (target.name == text) return target;
  }
  if (absl::StrContains(text, "/") || absl::EndsWith(text, ".json")) {
    const absl::StatusOr<std::string> content = ReadFile(text);
    if (!content.ok())
      return WithExitCode(WithContext(content.status(), "target file"), ExitCode::kUnknownTarget);
    absl::StatusOr<Target> target = ParseTarget(*content);
    if (!target.ok())
      return WithExitCode(WithContext(target.status(), Quoted(text)), ExitCode::kUnknownTarget);
    return target;
  }
  const std::vector<std::string> names = BuiltinTargetNames();
  return WithExitCode(absl::NotFoundError(absl::StrCat(
                          "unknown target ", Quoted(text), DidYouMean(text, names), "; known are ",
                          absl::StrJoin(names, ", "), ", or the path of a target file (*.json)")),
                      ExitCode::kUnknownTarget);
}

std::vector<std::string> BuiltinTargetNames() {
  std::vector<std::string> names = {"host"};
  for (const char* json : BuiltinTargetJson()) {
    if (const absl::StatusOr<Target> target = ParseTarget(json); target.ok()) names.push_back(target->name);
  }
  return names;
}

}  // namespace tunefarm::schedules
