#include "cli/workload_list.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/exit_code.h"
#include "base/file.h"

namespace tunefarm::cli {

using schedules::WeightedWorkload;
using schedules::Workload;

absl::StatusOr<std::vector<WeightedWorkload>> ParseWorkloadFile(absl::string_view content,
                                                                const std::string& file_name) {
  std::vector<WeightedWorkload> workloads;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    const std::string where = absl::StrCat(file_name, " line ", number);
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    double weight = 1;
    if (words.size() > 2 || (words.size() == 2 && (!absl::SimpleAtod(words[1], &weight) || !(weight > 0)))) {
      return WithExitCode(absl::InvalidArgumentError(
                              absl::StrCat(where,
                                           ": after the workload there may be one number, how often it "
                                           "occurs (more than 0), but there is '",
                                           absl::StrJoin(words.begin() + 1, words.end(), " "), "'")),
                          ExitCode::kBadWorkload);
    }
    auto workload = Workload::Parse(words[0]);
    if (!workload.ok()) return WithContext(workload.status(), where);
    workloads.push_back({*std::move(workload), weight});
  }
  if (workloads.empty()) {
    return WithExitCode(absl::InvalidArgumentError(absl::StrCat(file_name, " has no workload in it")),
                        ExitCode::kBadWorkload);
  }
  return workloads;
}

absl::StatusOr<std::vector<WeightedWorkload>> SelectWorkloads(const WorkloadSelection& selection) {
  std::vector<WeightedWorkload> all;
  for (const std::string& text : selection.texts) {
    auto workload = Workload::Parse(text);
    if (!workload.ok()) return WithContext(workload.status(), absl::StrCat("--workload '", text, "'"));
    all.push_back({*std::move(workload), 1});
  }
  for (const std::string& file : selection.files) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string content, ReadFile(file));
    TUNEFARM_ASSIGN_OR_RETURN(const auto more, ParseWorkloadFile(content, file));
    all.insert(all.end(), more.begin(), more.end());
  }
  for (const std::string& set : selection.sets) {
    auto more = schedules::BuiltinWorkloads(set);
    if (!more.ok()) return more.status();
    all.insert(all.end(), more->begin(), more->end());
  }
  if (all.empty()) {
    return WithExitCode(absl::InvalidArgumentError(
                            "nothing to tune: give --workload, --workload-file or --workloads (`tunefarm "
                            "workloads` lists the built-in sets)"),
                        ExitCode::kUsage);
  }
  std::vector<WeightedWorkload> kept;
  for (WeightedWorkload& candidate : all) {
    if (!absl::StrContains(candidate.workload.ToString(), selection.only)) continue;
    const auto same = std::find_if(kept.begin(), kept.end(), [&](const WeightedWorkload& other) {
      return other.workload == candidate.workload;
    });
    if (same != kept.end()) {
      same->weight += candidate.weight;
    } else {
      kept.push_back(std::move(candidate));
    }
  }
  if (kept.empty()) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat("--only '", selection.only, "' matches none of the ", all.size(),
                                         " workloads; the first is ", all[0].workload.ToString())),
        ExitCode::kUsage);
  }
  if (selection.limit > 0 && kept.size() > static_cast<std::size_t>(selection.limit)) {
    kept.erase(kept.begin() + selection.limit, kept.end());
  }
  return kept;
}

}  // namespace tunefarm::cli
