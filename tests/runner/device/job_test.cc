#include "runner/device/job.h"

#include "proto/policies.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

LocalWork Good() {
  LocalWork work;
  work.kernel_paths = {"/k"};
  v1::RunDescription& run = *work.item.mutable_run();
  *run.mutable_policy() = ScreeningPolicy();
  for (const v1::ArgumentRole role : {v1::ARGUMENT_ROLE_INPUT, v1::ARGUMENT_ROLE_OUTPUT}) {
    v1::Argument& argument = *run.add_arguments();
    argument.set_type(v1::DATA_TYPE_F32);
    argument.set_role(role);
    argument.set_elements(16);
  }
  return work;
}

}  // namespace

TEST_CASE("AGoodDescriptionBecomesAJob") {
  const auto job = MakeJob(Good(), 1 << 20);
  REQUIRE(job.ok());
  CHECK((*job)->argument_count == 2);
  CHECK((*job)->threads == 1);
  CHECK((*job)->arguments[1].role == executor::Role::kOutput);
}

TEST_CASE("ADescriptionThatMakesNoSenseIsRefused") {
  LocalWork work = Good();
  work.item.mutable_run()->mutable_arguments(1)->set_role(v1::ARGUMENT_ROLE_INPUT);
  CHECK(absl::IsInvalidArgument(MakeJob(work, 1 << 20).status()));
  work = Good();
  work.item.mutable_run()->mutable_arguments(0)->set_elements(~std::uint64_t{0} / 2);
  CHECK(absl::IsResourceExhausted(MakeJob(work, 1 << 20).status()));
  work = Good();
  work.item.mutable_run()->set_workspace_bytes(~std::uint64_t{0});
  CHECK(absl::IsResourceExhausted(MakeJob(work, 1 << 20).status()));
  work = Good();
  work.item.mutable_run()->clear_policy();
  CHECK(absl::IsInvalidArgument(MakeJob(work, 1 << 20).status()));
  work = Good();
  work.kernel_paths.clear();
  CHECK(absl::IsInvalidArgument(MakeJob(work, 1 << 20).status()));
}

}  // namespace tunefarm
