// Reads a JSON object field by field. The first thing that is wrong is kept as the error, which names the
// field by its path ("memory[1].bytes"); what is read after it are defaults.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tunefarm {

class JsonFields {
 public:
  // `error` is shared by the readers of one document and outlives them; so does `object`.
  JsonFields(const nlohmann::json& object, std::string path, absl::Status* error);

  bool Has(const std::string& field) const { return object_.is_object() && object_.contains(field); }
  std::string Text(const std::string& field);  // Printable ASCII, not empty.
  // One of `words`; their position.
  int Word(const std::string& field, const std::vector<std::string>& words);
  // Whole; or text in hexadecimal, "0x20000000".
  std::uint64_t Number(const std::string& field, std::uint64_t low, std::uint64_t high);
  double Real(const std::string& field, double low, double high);
  std::vector<std::string> Texts(const std::string& field);
  JsonFields Object(const std::string& field);
  std::vector<JsonFields> Objects(const std::string& field);

  // Notes an error about a field that was read.
  void Refuse(const std::string& field, absl::string_view expected);
  // Refuses fields that nothing has asked for.
  void Finish();

 private:
  const nlohmann::json* Get(const std::string& field);

  const nlohmann::json& object_;
  std::string path_;
  absl::Status* error_;
  std::vector<std::string> asked_;
};

}  // namespace tunefarm
