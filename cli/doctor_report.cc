#include "cli/doctor_report.h"

#include <cstdio>

#include "absl/strings/str_replace.h"
#include "cli/json_output.h"

namespace tunefarm::cli {

void DoctorReport::Tell(const std::string& step, const std::string& state, const std::string& detail,
                        const std::string& fix) {
  if (json_) {
    PrintJson({{"event", "step"}, {"step", step}, {"state", state}, {"detail", detail}, {"fix", fix}});
    return;
  }
  std::printf("%-5s %-12s %s\n", state.c_str(), step.c_str(),
              absl::StrReplaceAll(detail, {{"\n", "\n      "}}).c_str());
  if (!fix.empty())
    std::printf("      %-12s %s\n", "to fix:", absl::StrReplaceAll(fix, {{"\n", "\n      "}}).c_str());
  std::fflush(stdout);
}

void DoctorReport::Ok(const std::string& step, const std::string& detail) { Tell(step, "ok", detail, ""); }

void DoctorReport::Fail(const std::string& step, const absl::Status& status, const std::string& fix) {
  if (failures_++ == 0) first_failure_ = ExitCodeOf(status);
  Tell(step, "fail", std::string(status.message()), fix);
}

bool DoctorReport::Check(const std::string& step, const absl::Status& status, const std::string& detail,
                         const std::string& fix) {
  if (status.ok()) {
    Ok(step, detail);
  } else {
    Fail(step, status, fix);
  }
  return status.ok();
}

void DoctorReport::Skip(const std::string& step, const std::string& why) { Tell(step, "skip", why, ""); }

ExitCode DoctorReport::Finish() {
  const std::string conclusion =
      failures_ == 0 ? "ready to tune"
                     : absl::StrCat(failures_, failures_ == 1 ? " thing is" : " things are", " missing");
  if (json_) {
    PrintJson(
        {{"event", "doctor"}, {"ok", failures_ == 0}, {"failures", failures_}, {"message", conclusion}});
  } else {
    std::printf("\n%s\n", conclusion.c_str());
  }
  return first_failure_;
}

}  // namespace tunefarm::cli
