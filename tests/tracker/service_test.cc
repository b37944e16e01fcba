// The services over real gRPC: what is held, what is refused, and with which words.
#include <future>
#include <thread>

#include "base/exit_code.h"
#include "tests/catch.h"
#include "tests/tracker/served_tracker.h"

namespace tunefarm {
namespace {

bool Mentions(const absl::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

TEST_CASE("WorkTravelsFromClientToRunnerAndBack") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string kernel = client.Put("a kernel");
  REQUIRE(client.Submit("s", {client.Item("w1", kernel), client.Item("w2", kernel)}).ok());
  RemoteRunner runner(client, "a");
  const auto first = runner.Idle(0);
  REQUIRE(first.ok());
  CHECK(client.Get(first->execute().work().kernel_digests(0)).value() == "a kernel");
  const auto second = runner.Complete(first->execute().lease());
  CHECK(second->completion_recorded());
  CHECK(second->execute().lease().work_id() == "w2");
  const auto collected = client.Collect("s", 10'000);
  REQUIRE(collected->results_size() == 1);
  CHECK(collected->results(0).work_id() == "w1");
  CHECK(collected->pending() == 1);
}

TEST_CASE("HeldRunnerIsAnsweredWhenWorkArrives") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string kernel = client.Put("a kernel");
  RemoteRunner runner(client, "a");
  REQUIRE(runner.Idle(0).ok());
  auto held = std::async(std::launch::async, [&] { return runner.Idle(15'000); });
  REQUIRE(client.Submit("s", {client.Item("w1", kernel)}).ok());
  const auto response = held.get();
  REQUIRE(response.ok());
  CHECK(response->execute().lease().work_id() == "w1");
}

TEST_CASE("HeldCollectIsAnsweredByTheFirstResult") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string kernel = client.Put("a kernel");
  REQUIRE(client.Submit("s", {client.Item("w1", kernel)}).ok());
  RemoteRunner runner(client, "a");
  const auto lease = runner.Idle(0)->execute().lease();
  auto held = std::async(std::launch::async, [&] { return client.Collect("s", 15'000); });
  REQUIRE(runner.Complete(lease)->completion_recorded());
  const auto collected = held.get();
  REQUIRE(collected.ok());
  CHECK(collected->results_size() == 1);
}

TEST_CASE("HeldCallEndsWhenItsTimeIsUp") {
  ServedTracker served;
  TrackerClient client(served.address());
  RemoteRunner runner(client, "a");
  const absl::Time start = absl::Now();
  CHECK(runner.Idle(150)->has_be_idle());
  CHECK(client.Collect("nothing", 150)->pending() == 0);
  CHECK(absl::Now() - start >= absl::Milliseconds(300));
}

TEST_CASE("LaterCallOfADeviceEndsTheHeldOne") {
  ServedTracker served;
  TrackerClient client(served.address());
  RemoteRunner runner(client, "a");
  v1::SynchronizeRequest first = runner.Message();
  first.set_max_wait_ms(15'000);
  first.mutable_idle();
  auto held = std::async(std::launch::async, [&] { return runner.Send(first); });
  v1::ListDevicesResponse devices;
  while (devices.devices().empty()) {  // Until the first call has arrived.
    REQUIRE(client.tracker->ListDevices(Deadline().get(), {}, &devices).ok());
  }
  CHECK(runner.Idle(0)->has_be_idle());
  CHECK(held.get().status().code() == absl::StatusCode::kAborted);
}

TEST_CASE("MissingArtifactsAreNamed") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string missing = Sha256Hex("never put");
  const absl::Status refused = client.Submit("s", {client.Item("w1", missing)});
  CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Mentions(refused, missing));
  v1::FindMissingRequest request;
  request.add_digests(missing);
  request.add_digests(client.Put("there"));
  v1::FindMissingResponse response;
  REQUIRE(client.artifacts->FindMissing(Deadline().get(), request, &response).ok());
  REQUIRE(response.missing_size() == 1);
  CHECK(response.missing(0) == missing);
}

TEST_CASE("ArtifactsAreCheckedAndLargeOnesComeInChunks") {
  ServedTracker served;
  TrackerClient client(served.address());
  std::string large(5 << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 7);
  const std::string digest = client.Put(large);
  CHECK(client.Get(digest).value() == large);
  CHECK(client.Put(large) == digest);  // Again, although it is there.
  CHECK(client.Put("content", Sha256Hex("other")).code() == absl::StatusCode::kDataLoss);
  CHECK(client.Get(Sha256Hex("other")).status().code() == absl::StatusCode::kNotFound);
  CHECK(client.Put("content", "../escape").code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("ArtifactsOfWaitingWorkStayUntilItEnds") {
  ServedTracker served({}, 1000);
  TrackerClient client(served.address());
  const std::string kernel = client.Put(std::string(800, 'k'));
  REQUIRE(client.Submit("s", {client.Item("w1", kernel)}).ok());
  const std::string other(800, 'o');
  CHECK(client.Put(other, Sha256Hex(other)).code() == absl::StatusCode::kResourceExhausted);
  RemoteRunner runner(client, "a");
  REQUIRE(runner.Complete(runner.Idle(0)->execute().lease())->completion_recorded());
  // Released with the commit that made the result visible.
  REQUIRE(client.Collect("s", 10'000, {"w1"}).ok());
  REQUIRE(client.Collect("s", 0, {"w1"}).ok());
  CHECK(client.Put(other, Sha256Hex(other)).ok());
  // Submitting known or finished work does not need its artifact any more, new work does.
  CHECK(client.Submit("s", {client.Item("w2", kernel)}).code() == absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("BadMessagesAreRefusedWithTheFieldNamed") {
  ServedTracker served;
  TrackerClient client(served.address());
  RemoteRunner runner(client, "a");
  v1::SynchronizeRequest request = runner.Message();
  request.mutable_idle();
  request.set_protocol_version(2);
  CHECK(runner.Send(request).status().code() == absl::StatusCode::kFailedPrecondition);
  request.set_protocol_version(1);
  request.mutable_device()->clear_device_id();
  CHECK(Mentions(runner.Send(request).status(), "device_id"));
  request.mutable_device()->set_device_id(std::string(300, 'x'));
  CHECK(Mentions(runner.Send(request).status(), "300 bytes"));
  request.mutable_device()->set_device_id("a\nb");
  CHECK(runner.Send(request).status().code() == absl::StatusCode::kInvalidArgument);
  request.mutable_device()->set_device_id("a");
  request.clear_state();
  CHECK(Mentions(runner.Send(request).status(), "idle, executing"));
  const std::string kernel = client.Put("kernel");
  CHECK(Mentions(client.Submit("", {client.Item("w", kernel)}), "session_id"));
  CHECK(Mentions(client.Submit("s", {client.Item("", kernel)}), "work_id"));
  CHECK(Mentions(client.Submit("s", {client.Item("w", "abc")}), "SHA-256"));
  CHECK(Mentions(client.Submit("s", {client.Item("w", kernel), client.Item("w", kernel)}), "twice"));
}

TEST_CASE("ReplayedAndOversizedMessagesKeepTheirStatusAcrossTheWire") {
  ServedTracker served;
  TrackerClient client(served.address());
  RemoteRunner runner(client, "a");
  v1::SynchronizeRequest old = runner.Message();
  old.mutable_idle();
  REQUIRE(runner.Idle(0).ok());
  CHECK(ExitCodeOf(runner.Send(old).status()) == ExitCode::kReplayed);
  v1::SubmittedWork large = client.Item("w", client.Put("kernel"));
  large.mutable_requirements()->set_architecture(std::string(9 << 20, 'x'));
  CHECK(ExitCodeOf(client.Submit("s", {large})) == ExitCode::kMessageTooLarge);
}

TEST_CASE("FullQueueSaysHowToGoOn") {
  QueueOptions options;
  options.max_work = 1;
  ServedTracker served(options);
  TrackerClient client(served.address());
  const std::string kernel = client.Put("kernel");
  REQUIRE(client.Submit("s", {client.Item("w1", kernel)}).ok());
  const absl::Status full = client.Submit("s", {client.Item("w2", kernel)});
  CHECK(full.code() == absl::StatusCode::kResourceExhausted);
  CHECK(Mentions(full, "submit again later"));
}

TEST_CASE("CancelWakesTheCollectThatWaits") {
  ServedTracker served;
  TrackerClient client(served.address());
  REQUIRE(client.Submit("s", {client.Item("w1", client.Put("kernel"))}).ok());
  auto held = std::async(std::launch::async, [&] { return client.Collect("s", 15'000); });
  v1::CancelRequest cancel;
  cancel.set_session_id("s");
  v1::CancelResponse response;
  REQUIRE(client.tracker->Cancel(Deadline().get(), cancel, &response).ok());
  CHECK(response.cancelled() == 1);
  served.coordinator().StopHolding();  // If the Collect came after the Cancel.
  CHECK(held.get()->pending() == 0);
}

TEST_CASE("ManyRunnersWaitWithoutAThreadEach") {
  ServedTracker served;
  TrackerClient client(served.address());
  constexpr int kRunners = 1000;
  const std::string kernel = client.Put("kernel");
  // Asynchronous on this side as well: one completion queue for all.
  grpc::CompletionQueue queue;
  struct Call {
    std::unique_ptr<grpc::ClientContext> context = Deadline(60);
    v1::SynchronizeResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::SynchronizeResponse>> reader;
  };
  std::vector<Call> calls(kRunners);
  for (int i = 0; i < kRunners; ++i) {
    v1::SynchronizeRequest request = RemoteRunner(client, absl::StrCat("d", i)).Message();
    request.set_max_wait_ms(50'000);
    request.mutable_idle();
    calls[i].reader = client.worker->AsyncSynchronize(calls[i].context.get(), request, &queue);
    calls[i].reader->Finish(&calls[i].response, &calls[i].status, &calls[i]);
  }
  v1::ListDevicesResponse devices;
  while (devices.devices_size() < kRunners) {
    devices.Clear();
    REQUIRE(client.tracker->ListDevices(Deadline().get(), {}, &devices).ok());
  }
  const std::string status = ReadFile("/proc/self/status").value();
  const int threads = std::stoi(status.substr(status.find("Threads:") + 8));
  CHECK(threads < 100);
  std::vector<v1::SubmittedWork> work;
  for (int i = 0; i < kRunners; ++i) work.push_back(client.Item(absl::StrCat("w", i), kernel));
  REQUIRE(client.Submit("s", work).ok());
  std::set<std::string> granted;
  for (int i = 0; i < kRunners; ++i) {
    void* tag = nullptr;
    bool ok = false;
    REQUIRE(queue.Next(&tag, &ok));
    granted.insert(static_cast<Call*>(tag)->response.execute().lease().work_id());
  }
  CHECK(granted.size() == kRunners);
  CHECK(granted.count("") == 0);
  queue.Shutdown();
}

}  // namespace
}  // namespace tunefarm
