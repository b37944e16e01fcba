// The findings of `tunefarm doctor`, as they are made.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "base/status.h"

namespace tunefarm::cli {

class DoctorReport {
 public:
  explicit DoctorReport(bool json) : json_(json) {}

  // One finding, told at once. `detail` is what was found; `fix` what to do about a failure that does not say
  // so itself.
  void Ok(const std::string& step, const std::string& detail);
  void Fail(const std::string& step, const absl::Status& status, const std::string& fix);
  // Ok with `detail`, or Fail. Returns whether it was well.
  bool Check(const std::string& step, const absl::Status& status, const std::string& detail,
             const std::string& fix);
  // Not looked at, because of an earlier failure.
  void Skip(const std::string& step, const std::string& why);

  // Tells the conclusion. The exit status is that of the first failure.
  ExitCode Finish();

 private:
  void Tell(const std::string& step, const std::string& state, const std::string& detail,
            const std::string& fix);

  bool json_;
  int failures_ = 0;
  ExitCode first_failure_ = ExitCode::kOk;
};

}  // namespace tunefarm::cli
