#include "schedules/workload.h"

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

TEST_CASE("CanonicalTextIsTheIdentity") {
  const std::string text =
      "conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu";
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  REQUIRE(workload.ok());
  CHECK(workload->ToString() == text);
}

}  // namespace
}  // namespace tunefarm::schedules
