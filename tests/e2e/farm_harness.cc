#include "tests/e2e/farm_harness.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "db/database.h"
#include "proto/rpc.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

// A socket's path has at most 107 bytes, and TMPDIR may be long already.
constexpr char kFolder[] = "tf";

std::vector<int> AllowedCores() {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cores.push_back(cpu);
  }
  return cores;
}

FarmProgram Program(const TempDir& folder, const std::string& name, const std::string& log,
                    const std::string& ready, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), ProgramPath(name));
  return FarmProgram(std::move(arguments), TestEnvironment(folder.path()), ready,
                     absl::StrCat(folder.path(), "/", log, ".log"));
}

std::vector<FarmProgram> Runners(const TempDir& folder, int count) {
  const std::vector<int> cores = AllowedCores();
  std::vector<FarmProgram> runners;
  for (int i = 0; i < count; ++i) {
    const std::string id = absl::StrCat("board-", i);
    runners.push_back(Program(folder, "tunefarm-runner", id, "tunefarm-runner registered as ",
                              {"--tracker", absl::StrCat("unix:", folder.path(), "/t"), "--device-id", id,
                               "--cpus", absl::StrCat(cores[static_cast<std::size_t>(i) % cores.size()]),
                               "--scratch", absl::StrCat(folder.path(), "/", id)}));
  }
  return runners;
}

}  // namespace

bool Eventually(const std::function<bool()>& condition, absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  while (!condition()) {
    if (absl::Now() > until) return false;
    absl::SleepFor(absl::Milliseconds(10));
  }
  return true;
}

std::string ProgramPath(const std::string& name) {
  const char* folder = std::getenv("TUNEFARM_BIN_DIR");
  return absl::StrCat(folder != nullptr ? folder : ProgramDirectory(), "/", name);
}

std::vector<std::string> TestEnvironment(const std::string& folder, const std::string& path) {
  const char* ours = std::getenv("PATH");
  return {absl::StrCat("PATH=", !path.empty()     ? path
                                : ours != nullptr ? ours
                                                  : "/usr/bin:/bin"),
          absl::StrCat("TUNEFARM_HOME=", folder, "/home"), absl::StrCat("TMPDIR=", folder)};
}

FarmProgram::FarmProgram(std::vector<std::string> argv, std::vector<std::string> environment,
                         std::string ready, std::string log)
    : argv_(std::move(argv)),
      environment_(std::move(environment)),
      ready_(std::move(ready)),
      log_(std::move(log)) {}

void FarmProgram::RunUnder(const std::vector<std::string>& command) {
  argv_.insert(argv_.begin(), command.begin(), command.end());
}

void FarmProgram::Start() {
  log_start_ = ReadFile(log_).value_or("").size();
  SubprocessOptions options;
  options.argv = argv_;
  options.environment = environment_;
  options.output_path = log_;
  auto process = Subprocess::Spawn(options);
  INFO(process.status().ToString());
  REQUIRE(process.ok());
  process_ = *std::move(process);
}

std::string FarmProgram::Log() const {
  const std::string all = ReadFile(log_).value_or("");
  return all.size() > log_start_ ? all.substr(log_start_) : "";
}

void FarmProgram::AwaitReady() {
  const std::string begin = ready_;
  const bool ready = Eventually([&] {
    const std::vector<std::string> lines = absl::StrSplit(Log(), '\n');
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {  // The last one may be cut.
      if (lines[i].compare(0, begin.size(), begin) == 0) return true;
    }
    return !process_->running();
  });
  INFO(argv_[0] << " said: " << Log());
  REQUIRE(ready);
  REQUIRE(process_->running());
}

void FarmProgram::Kill() {
  REQUIRE(kill(process_->pid(), SIGKILL) == 0);
  REQUIRE(process_->Wait(kPatience).has_value());
}

void FarmProgram::Signal(int signal) { REQUIRE(kill(process_->pid(), signal) == 0); }

int FarmProgram::AwaitExit() {
  const std::optional<int> status = process_->Wait(kPatience);
  INFO(argv_[0] << " said: " << Log());
  REQUIRE(status.has_value());
  REQUIRE(WIFEXITED(*status));
  return WEXITSTATUS(*status);
}

Farm::Farm(int runner_count)
    : folder(TempDir::Create(kFolder).value()),
      tracker(Program(folder, "tunefarm-tracker", "tracker", "tunefarm-tracker listening on ",
                      {"--listen", absl::StrCat("unix:", folder.path(), "/t"), "--state",
                       absl::StrCat(folder.path(), "/tracker")})),
      daemon(Program(
          folder, "tunefarmd", "daemon", "tunefarmd listening on ",
          {"--listen", absl::StrCat("unix:", folder.path(), "/d"), "--tracker",
           absl::StrCat("unix:", folder.path(), "/t"), "--db", absl::StrCat(folder.path(), "/db/farm.db"),
           "--cache", absl::StrCat(folder.path(), "/cache")})),
      runners(Runners(folder, runner_count)) {
  auto channel = Dial(daemon_address(), {});
  REQUIRE(channel.ok());
  stub_ = v1::Tuner::NewStub(*channel);
}

Farm::~Farm() {
  const bool failed = std::uncaught_exceptions() > 0 || !Catch::getResultCapture().lastAssertionPassed();
  if (!failed) return;
  std::vector<std::string> logs = {tracker.log_path(), daemon.log_path()};
  for (const FarmProgram& runner : runners) logs.push_back(runner.log_path());
  for (const std::string& log : logs) {
    std::fprintf(stderr, "---- %s\n%s\n", log.c_str(), ReadFile(log).value_or("(empty)").c_str());
  }
}

void Farm::Start() {
  tracker.Start();
  tracker.AwaitReady();
  daemon.Start();
  for (FarmProgram& runner : runners) runner.Start();
  daemon.AwaitReady();
  for (FarmProgram& runner : runners) runner.AwaitReady();
}

std::string Farm::Submit(const v1::SubmitJobRequest& request) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  v1::SubmitJobResponse response;
  const grpc::Status status = stub_->SubmitJob(&context, request, &response);
  INFO(status.error_message());
  REQUIRE(status.ok());
  return response.job_id();
}

v1::JobInfo Farm::Info(const std::string& job_id) {
  v1::ListJobsRequest request;
  request.set_job_id(job_id);
  v1::ListJobsResponse response;
  grpc::Status status;
  REQUIRE(Eventually([&] {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    status = stub_->ListJobs(&context, request, &response);
    // A daemon that is killed in the middle of the answer has not refused it.
    return status.error_code() != grpc::StatusCode::UNAVAILABLE;
  }));
  INFO(status.error_message());
  REQUIRE(status.ok());
  REQUIRE(response.jobs_size() == 1);
  return response.jobs(0);
}

v1::JobProgress Farm::Progress(const std::string& job_id) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
  v1::WatchJobRequest request;
  request.set_job_id(job_id);
  const auto events = stub_->WatchJob(&context, request);
  v1::JobEvent event;
  while (events->Read(&event)) {
    if (event.has_progress()) {
      context.TryCancel();
      return event.progress();
    }
  }
  const grpc::Status status = events->Finish();
  FAIL(job_id << " tells no progress: " << status.error_message());
  return {};
}

v1::JobState Farm::AwaitEnd(const std::string& job_id, absl::Duration deadline) {
  v1::JobInfo info;
  const bool ended = Eventually(
      [&] {
        info = Info(job_id);
        return info.state() != v1::JOB_STATE_RUNNING;
      },
      deadline);
  INFO(info.ShortDebugString());
  REQUIRE(ended);
  return info.state();
}

v1::MeasurementPolicy QuickPolicy() {
  v1::MeasurementPolicy policy;
  policy.set_name("quick");
  policy.set_version(1);
  policy.set_min_samples(3);
  policy.set_min_time_us(500);
  policy.set_max_time_us(20e3);
  policy.set_target_half_width(0.2);
  policy.set_min_sample_us(50);
  policy.set_max_warm_up_us(1e3);
  policy.set_warm_up_agreement(0.2);
  policy.set_reference_every(4);
  policy.set_drift_limit(10);
  return policy;
}

v1::SubmitJobRequest QuickJob(const std::string& user, int tasks, int trials) {
  static int tokens = 0;
  v1::SubmitJobRequest request;
  request.set_client_token(absl::StrCat("test-", ++tokens));
  for (int i = 0; i < tasks; ++i) {
    request.add_tasks()->set_workload(absl::StrCat("matmul:m=16,n=", 32 + 16 * i, ",k=32,dtype=f32"));
  }
  v1::JobOptions& options = *request.mutable_options();
  options.set_user(user);
  options.set_trials(static_cast<uint32_t>(trials));
  options.set_strategy("random");
  options.set_seed(static_cast<uint64_t>(tokens));
  *options.mutable_policy() = QuickPolicy();
  return request;
}

void CheckComplete(const std::string& database, const std::string& job_id, int tasks, int trials) {
  const auto opened = db::Database::Open(database, db::Database::Mode::kReadOnly);
  INFO(opened.status().ToString());
  REQUIRE(opened.ok());
  for (int task = 0; task < tasks; ++task) {
    const auto records = (*opened)->JobRecords(job_id, task);
    REQUIRE(records.ok());
    std::multiset<int> numbers;
    std::set<std::string> configs;
    for (const db::Record& record : *records) {
      INFO(job_id << " task " << task << " trial " << record.trial << ": "
                  << record.measurement.failure().ShortDebugString());
      // What the machinery around it does may cost time, but never a trial.
      REQUIRE(record.measurement.failure().kind() == v1::FAILURE_KIND_UNSPECIFIED);
      numbers.insert(record.trial);
      configs.insert(record.config);
    }
    std::multiset<int> budget;
    for (int trial = 0; trial < trials; ++trial) budget.insert(trial);
    INFO(job_id << " task " << task);
    REQUIRE(numbers == budget);
    REQUIRE(configs.size() == records->size());
  }
  const auto open = (*opened)->OpenProposals(job_id);
  REQUIRE(open.ok());
  REQUIRE(open->empty());
}

std::vector<pid_t> ProcessesOf(const TempDir& folder) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    if (!absl::SimpleAtoi(name, &pid)) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (absl::StrContains(line, folder.path())) found.push_back(pid);
  }
  return found;
}

}  // namespace tunefarm
