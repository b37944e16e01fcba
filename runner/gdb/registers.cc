#include "runner/gdb/registers.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tunefarm::gdb {
namespace {

// Descriptions include each other; a server that includes without an end is broken.
constexpr int kMaxDepth = 8;

// The value of an attribute of one element's text.
std::optional<std::string> Attribute(absl::string_view element, absl::string_view name) {
  const std::string start = absl::StrCat(" ", name, "=");
  const std::size_t at = element.find(start);
  if (at == absl::string_view::npos || at + start.size() >= element.size()) return std::nullopt;
  const std::size_t value = at + start.size() + 1;
  const char quote = element[value - 1];
  const std::size_t end = element.find(quote, value);
  if ((quote != '"' && quote != '\'') || end == absl::string_view::npos) return std::nullopt;
  return std::string(element.substr(value, end - value));
}

std::string WithoutComments(std::string text) {
  for (std::size_t at; (at = text.find("<!--")) != std::string::npos;) {
    const std::size_t end = text.find("-->", at);
    text.erase(at, end == std::string::npos ? std::string::npos : end + 3 - at);
  }
  return text;
}

class Reader {
 public:
  explicit Reader(const std::function<absl::StatusOr<std::string>(const std::string&)>& fetch)
      : fetch_(fetch) {}

  absl::Status Read(const std::string& annex, int depth) {
    if (depth > kMaxDepth) return absl::InvalidArgumentError("the target description includes itself");
    TUNEFARM_ASSIGN_OR_RETURN(std::string text, fetch_(annex));
    text = WithoutComments(std::move(text));
    for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) {
      const std::size_t end = text.find('>', at);
      if (end == std::string::npos) break;
      const absl::string_view element = absl::string_view(text).substr(at + 1, end - at - 1);
      if (element.substr(0, 10) == "xi:include") {
        const std::optional<std::string> href = Attribute(element, "href");
        if (href.has_value()) TUNEFARM_RETURN_IF_ERROR(Read(*href, depth + 1));
      } else if (element.substr(0, 4) == "reg ") {
        ReadRegister(element);
      }
      at = end;
    }
    return absl::OkStatus();
  }

  const RegisterNumbers& numbers() const { return numbers_; }

 private:
  void ReadRegister(absl::string_view element) {
    int number = next_;
    if (const auto named = Attribute(element, "regnum");
        named.has_value() && !absl::SimpleAtoi(*named, &number)) {
      number = next_;
    }
    next_ = number + 1;
    const std::optional<std::string> name = Attribute(element, "name");
    if (name.has_value()) numbers_.emplace(absl::AsciiStrToLower(*name), number);
  }

  const std::function<absl::StatusOr<std::string>(const std::string&)>& fetch_;
  RegisterNumbers numbers_;
  int next_ = 0;
};

}  // namespace

RegisterNumbers MProfileRegisters() {
  RegisterNumbers numbers = {{"sp", 13}, {"lr", 14}, {"pc", 15}, {"xpsr", 25}};
  for (int r = 0; r <= 12; ++r) numbers[absl::StrCat("r", r)] = r;
  return numbers;
}

absl::StatusOr<RegisterNumbers> ReadRegisterNumbers(
    const std::function<absl::StatusOr<std::string>(const std::string&)>& fetch) {
  Reader reader(fetch);
  TUNEFARM_RETURN_IF_ERROR(reader.Read("target.xml", 0));
  RegisterNumbers core;
  for (const auto& [name, unused] : MProfileRegisters()) {
    const auto found = reader.numbers().find(name);
    if (found == reader.numbers().end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the target has no register ", name, ": it is not a Cortex-M"));
    }
    core[name] = found->second;
  }
  return core;
}

}  // namespace tunefarm::gdb
