#include "tuner/builder_pool.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

absl::StatusOr<Kernel> Nothing() { return Kernel(); }

TEST_CASE("OwnersTakeTurns") {
  absl::Mutex mu;
  std::vector<std::string> order;
  absl::Notification go, first_started;
  {
    BuilderPool pool(1);
    pool.Submit(
        "first",
        [&] {
          first_started.Notify();
          go.WaitForNotification();
          return Nothing();
        },
        [](auto) {});
    first_started.WaitForNotification();
    absl::BlockingCounter all(6);
    const auto submit = [&](const std::string& owner) {
      pool.Submit(owner, Nothing, [&, owner](auto) {
        absl::MutexLock lock(&mu);
        order.push_back(owner);
        all.DecrementCount();
      });
    };
    for (int i = 0; i < 4; ++i) submit("a");
    submit("b");
    submit("b");
    go.Notify();
    all.Wait();
  }
  CHECK(absl::StrJoin(order, "") == "ababaa");
}

TEST_CASE("DropWaitsForWhatIsBeingBuilt") {
  BuilderPool pool(2);
  absl::Notification started, go;
  int done = 0;  // Unguarded on purpose: Drop() is what orders it (the thread sanitizer checks).
  pool.Submit(
      "a",
      [&] {
        started.Notify();
        go.WaitForNotification();
        return Nothing();
      },
      [&](auto) { ++done; });
  started.WaitForNotification();
  std::thread release([&] { go.Notify(); });
  pool.Drop("a");
  CHECK(done == 1);
  release.join();
}

TEST_CASE("DroppedBuildsAreNeverBegun") {
  absl::Notification started, go;
  bool begun = false;
  {
    BuilderPool pool(1);
    pool.Submit(
        "blocker",
        [&] {
          started.Notify();
          go.WaitForNotification();
          return Nothing();
        },
        [](auto) {});
    started.WaitForNotification();
    absl::Notification last;
    pool.Submit(
        "a",
        [&] {
          begun = true;
          return Nothing();
        },
        [&](auto) { begun = true; });
    pool.Submit("b", Nothing, [&](auto) { last.Notify(); });
    pool.Drop("a");
    go.Notify();
    last.WaitForNotification();
  }
  CHECK(!begun);
}

TEST_CASE("DropOfAnUnknownOwnerReturnsAtOnce") {
  BuilderPool pool(1);
  pool.Drop("nobody");
}

TEST_CASE("PoolEndsWithWorkQueued") {
  int done = 0;
  {
    BuilderPool pool(1);
    absl::Notification started;
    pool.Submit(
        "a",
        [&] {
          started.Notify();
          return Nothing();
        },
        [&](auto) { ++done; });
    started.WaitForNotification();
  }
  CHECK(done == 1);
}

TEST_CASE("ErrorsOfTheMachineReachTheOwner") {
  BuilderPool pool(1);
  absl::Notification done;
  absl::Status status;
  pool.Submit(
      "a", []() -> absl::StatusOr<Kernel> { return absl::ResourceExhaustedError("no disk space"); },
      [&](absl::StatusOr<Kernel> kernel) {
        status = kernel.status();
        done.Notify();
      });
  done.WaitForNotification();
  CHECK(absl::IsResourceExhausted(status));
}

}  // namespace
}  // namespace tunefarm::tuner
