#include "runner/boards/json_fields.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"

namespace tunefarm {
namespace {

using Json = nlohmann::json;

const Json& Nothing() {
  static const auto* nothing = new Json;
  return *nothing;
}

bool IsPlain(const Json& value) {
  if (!value.is_string()) return false;
  const auto& text = value.get_ref<const std::string&>();
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace

JsonFields::JsonFields(const Json& object, std::string path, absl::Status* error)
    : object_(object), path_(std::move(path)), error_(error) {
  if (error_->ok() && !object_.is_object()) {
    *error_ = absl::InvalidArgumentError(
        absl::StrCat(path_.empty() ? "the file" : path_, " must be a JSON object"));
  }
}

void JsonFields::Refuse(const std::string& field, absl::string_view expected) {
  if (!error_->ok()) return;
  *error_ = absl::InvalidArgumentError(
      absl::StrCat("field '", path_, path_.empty() ? "" : ".", field, "' must be ", expected));
}

const Json* JsonFields::Get(const std::string& field) {
  asked_.push_back(field);
  if (!error_->ok()) return nullptr;
  if (!object_.contains(field)) {
    *error_ = absl::InvalidArgumentError(
        absl::StrCat("field '", path_, path_.empty() ? "" : ".", field, "' is missing"));
    return nullptr;
  }
  return &object_[field];
}

std::string JsonFields::Text(const std::string& field) {
  const Json* const value = Get(field);
  if (value == nullptr) return "";
  if (!IsPlain(*value)) {
    Refuse(field, "printable text");
    return "";
  }
  return value->get<std::string>();
}

int JsonFields::Word(const std::string& field, const std::vector<std::string>& words) {
  const Json* const value = Get(field);
  if (value == nullptr) return 0;
  const auto at =
      value->is_string() ? std::find(words.begin(), words.end(), value->get<std::string>()) : words.end();
  if (at == words.end()) {
    Refuse(field, absl::StrCat("one of ", absl::StrJoin(words, ", ")));
    return 0;
  }
  return static_cast<int>(at - words.begin());
}

std::uint64_t JsonFields::Number(const std::string& field, std::uint64_t low, std::uint64_t high) {
  const Json* const value = Get(field);
  if (value == nullptr) return low;
  std::uint64_t number = 0;
  const bool whole = value->is_number_unsigned();
  if (whole) number = value->get<std::uint64_t>();
  const bool hexadecimal = value->is_string() && absl::StartsWith(value->get<std::string>(), "0x") &&
                           absl::SimpleHexAtoi(value->get<std::string>(), &number);
  if ((!whole && !hexadecimal) || number < low || number > high) {
    Refuse(field, absl::StrCat("a whole number from ", low, " to ", high, ", or such a number as \"0x...\""));
    return low;
  }
  return number;
}

double JsonFields::Real(const std::string& field, double low, double high) {
  const Json* const value = Get(field);
  if (value == nullptr) return low;
  if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
    Refuse(field, absl::StrCat("a number from ", low, " to ", high));
    return low;
  }
  return value->get<double>();
}

std::vector<std::string> JsonFields::Texts(const std::string& field) {
  const Json* const value = Get(field);
  if (value == nullptr) return {};
  if (!value->is_array() || !std::all_of(value->begin(), value->end(), IsPlain)) {
    Refuse(field, "a list of printable texts");
    return {};
  }
  return value->get<std::vector<std::string>>();
}

JsonFields JsonFields::Object(const std::string& field) {
  const Json* const value = Get(field);
  return JsonFields(value == nullptr ? Nothing() : *value,
                    absl::StrCat(path_, path_.empty() ? "" : ".", field), error_);
}

std::vector<JsonFields> JsonFields::Objects(const std::string& field) {
  const Json* const value = Get(field);
  std::vector<JsonFields> objects;
  if (value == nullptr) return objects;
  if (!value->is_array()) {
    Refuse(field, "a list of objects");
    return objects;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    objects.emplace_back((*value)[i], absl::StrCat(path_, path_.empty() ? "" : ".", field, "[", i, "]"),
                         error_);
  }
  return objects;
}

void JsonFields::Finish() {
  if (!error_->ok()) return;
  for (const auto& [field, value] : object_.items()) {
    if (std::find(asked_.begin(), asked_.end(), field) != asked_.end()) continue;
    *error_ =
        absl::InvalidArgumentError(absl::StrCat("there is no field '", path_, path_.empty() ? "" : ".", field,
                                                "' here; the fields are ", absl::StrJoin(asked_, ", ")));
    return;
  }
}

}  // namespace tunefarm
