#include "base/exit_code.h"

#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("TheFirstExitCodeStaysWhenContextIsAdded") {
  absl::Status status = WithExitCode(absl::NotFoundError("no such target"), ExitCode::kUnknownTarget);
  status = WithContext(status, "tuning");
  status = WithExitCode(status, ExitCode::kFailure);
  CHECK(ExitCodeOf(status) == ExitCode::kUnknownTarget);
  CHECK(status.message() == "tuning: no such target");
}

TEST_CASE("AnErrorWithoutAnExitCodeGetsOneThatFitsItsKind") {
  CHECK(ExitCodeOf(absl::OkStatus()) == ExitCode::kOk);
  CHECK(ExitCodeOf(absl::UnavailableError("x")) == ExitCode::kUnreachable);
  CHECK(ExitCodeOf(absl::NotFoundError("x")) == ExitCode::kNotFound);
  CHECK(ExitCodeOf(absl::InternalError("x")) == ExitCode::kFailure);
}

}  // namespace tunefarm
