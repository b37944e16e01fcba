#include "cli/format.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "db/shape.h"

namespace tunefarm::cli {

std::string FormatGflops(double gflops) {
  if (!(gflops > 0)) return "-";
  if (gflops < 10) return absl::StrFormat("%.2f", gflops);
  if (gflops < 100) return absl::StrFormat("%.1f", gflops);
  return absl::StrFormat("%.0f", gflops);
}

std::string FormatSpeedup(double ratio) { return ratio > 0 ? absl::StrFormat("%.2fx", ratio) : "-"; }

std::string FormatShare(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

std::string FormatMicroseconds(double us) {
  if (!(us > 0)) return "-";
  if (us < 1e3) return absl::StrFormat("%.3g us", us);
  if (us < 1e6) return absl::StrFormat("%.2f ms", us / 1e3);
  return absl::StrFormat("%.2f s", us / 1e6);
}

std::string FormatSeconds(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::fmax(seconds, 0)));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string FormatUnixMicroseconds(int64_t unix_us) {
  if (unix_us <= 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(unix_us), absl::LocalTimeZone());
}

std::size_t DisplayWidth(absl::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return width;
}

std::string FitWidth(absl::string_view text, std::size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 2) return std::string(width, '.');
  // The byte at which each code point starts, to cut between them.
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) starts.push_back(i);
  }
  const std::size_t head = (width - 2 + 1) / 2;
  const std::size_t tail = width - 2 - head;
  const std::size_t tail_start = tail == 0 ? text.size() : starts[starts.size() - tail];
  return absl::StrCat(text.substr(0, starts[head]), "..", text.substr(tail_start));
}

std::string SpeedUnit(absl::string_view workload) { return db::SpeedUnit(workload); }

std::string SpeedUnit(const std::vector<std::string>& workloads) {
  std::string unit;
  for (const std::string& workload : workloads) {
    const std::string own = SpeedUnit(workload);
    if (!unit.empty() && own != unit) return "GFLOP/s or GOP/s";
    unit = own;
  }
  return unit.empty() ? "GFLOP/s" : unit;
}

std::string TaskLabel(absl::string_view workload) {
  const std::size_t colon = workload.find(':');
  if (colon == absl::string_view::npos) return std::string(workload);
  std::vector<std::pair<std::string, std::string>> attributes;
  for (absl::string_view item : absl::StrSplit(workload.substr(colon + 1), ',')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(item, absl::MaxSplits('=', 1));
    attributes.emplace_back(std::string(pair.first), std::string(pair.second));
  }
  const std::map<std::string, std::string> by_key(attributes.begin(), attributes.end());
  const auto has = [&](const char* key) { return by_key.count(key) > 0; };
  const auto value = [&](const char* key) { return by_key.at(key); };
  std::string label(workload.substr(0, colon));
  if (has("h") && has("w")) {  // Of the convolution family.
    const std::string channels = has("ci") ? value("ci") : has("c") ? value("c") : "?";
    absl::StrAppend(&label, " ", value("h"), "x", value("w"), "x", channels);
    if (has("co")) absl::StrAppend(&label, "->", value("co"));
    if (has("kh") && has("kw")) absl::StrAppend(&label, " ", value("kh"), "x", value("kw"));
    const std::pair<const char*, const char*> marks[] = {
        {"stride", "s"}, {"pad", "p"}, {"dilation", "d"}, {"groups", "g"}, {"mult", "x"}};
    for (const auto& [key, mark] : marks) {
      const char* plain = std::string(key) == "pad" ? "0" : "1";
      if (has(key) && value(key) != plain) absl::StrAppend(&label, " ", mark, value(key));
    }
    if (has("stride_h")) absl::StrAppend(&label, " s", value("stride_h"), "x", value("stride_w"));
    if (has("pad_t")) {
      absl::StrAppend(&label, " p", value("pad_t"), "/", value("pad_l"), "/", value("pad_b"), "/",
                      value("pad_r"));
    }
    if (has("n") && value("n") != "1") absl::StrAppend(&label, " n", value("n"));
  } else {
    std::string sizes;
    for (const auto& [key, text] : attributes) {
      if (db::IsQuantisation(key) || text.empty() ||
          !absl::ascii_isdigit(static_cast<unsigned char>(text[0])))
        continue;
      absl::StrAppend(&sizes, sizes.empty() ? " " : "x", text);
    }
    label += sizes;
  }
  if (has("layout")) absl::StrAppend(&label, " ", value("layout"));
  if (has("dtype") && value("dtype") != "f32") absl::StrAppend(&label, " ", value("dtype"));
  if (has("epilogue") && value("epilogue") != "none") absl::StrAppend(&label, " ", value("epilogue"));
  return label;
}

std::string ShellQuote(absl::string_view word) {
  bool plain = !word.empty();
  for (const char c : word) {
    plain = plain && (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                      absl::string_view("_-+=:,./@%").find(c) != absl::string_view::npos);
  }
  if (plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace tunefarm::cli
