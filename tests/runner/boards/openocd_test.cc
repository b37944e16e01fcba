// The real OpenOCD: alive, driving a simulated board, and recorded, where it is not installed.
//
// The recording is made anew, after a change of what is said, by
//   TUNEFARM_RECORD_TO=tests/runner/boards/openocd runner_boards_test RecordOpenOcd
#include <nlohmann/json.hpp>

#include "runner/boards/board_device.h"
#include "runner/boards/board_job.h"
#include "runner/boards/board_linker.h"
#include "runner/boards/board_session.h"
#include "runner/boards/server_link.h"
#include "tests/catch.h"
#include "tests/runner/boards/board_bench.h"
#include "tests/runner/boards/simulated_board.h"
#include "tests/runner/gdb/conversation.h"

namespace tunefarm {
namespace {

constexpr char kImages[] = "/images.json", kConversation[] = "/conversation.txt";
constexpr absl::Duration kDeadline = absl::Seconds(20);
constexpr std::uint64_t kSeed = 7;
constexpr int kElements = 256;
constexpr char kDouble[] =
    "RUN { for (int i = 0; i < 256; ++i) ((float*)a[1])[i] = 2 * ((const float*)a[0])[i]; }";
constexpr char kTrap[] = "RUN { __builtin_trap(); }";
constexpr char kLoop[] = "RUN { for (;;) __asm__ volatile(\"\"); }";

// What is loaded, so that what is said does not depend on the compiler that is installed.
struct Images {
  struct Kernel {
    ElfImage image;
    std::uint32_t run = 0;
  };
  ElfImage runtime;
  std::uint32_t stack_low = 0;
  std::uint32_t end = 0;  // Of them all in the board's one RAM.
  Kernel good, faulting, looping;
};

nlohmann::json ToJson(const ElfImage& image) {
  nlohmann::json json;
  for (const ElfSegment& s : image.segments) {
    json["segments"].push_back(
        {{"address", s.address}, {"bytes", s.memory_bytes}, {"content", gdb::ToHex(s.content)}});
  }
  for (const auto& [name, address] : image.symbols) {
    if (name.rfind("tunefarm_", 0) == 0) json["symbols"][name] = address;
  }
  return json;
}

ElfImage ToImage(const nlohmann::json& json) {
  ElfImage image;
  for (const nlohmann::json& s : json["segments"]) {
    image.segments.push_back({s["address"], *gdb::FromHex(s["content"].get<std::string>()), s["bytes"]});
  }
  for (const auto& [name, address] : json["symbols"].items()) image.symbols[name] = address;
  return image;
}

std::string ToText(const Images& images) {
  const auto kernel = [](const Images::Kernel& k) {
    return nlohmann::json{{"image", ToJson(k.image)}, {"run", k.run}};
  };
  const nlohmann::json json = {{"runtime", ToJson(images.runtime)},
                               {"stack_low", images.stack_low},
                               {"end", images.end},
                               {"good", kernel(images.good)},
                               {"faulting", kernel(images.faulting)},
                               {"looping", kernel(images.looping)}};
  return json.dump(1) + "\n";
}

Images FromText(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  const auto kernel = [&](const char* name) {
    return Images::Kernel{ToImage(json[name]["image"]), json[name]["run"]};
  };
  return {ToImage(json["runtime"]), json["stack_low"],  json["end"],
          kernel("good"),           kernel("faulting"), kernel("looping")};
}

Images BuildImages(const Board& board, BoardBench& bench) {
  const BoardLinker linker = *BoardLinker::Create(board);
  MemoryMap map = linker.map();
  const auto kernel = [&](const char* source) {
    LinkedKernel linked = *linker.Link(bench.Compile(source), map);
    INFO(linked.failure.ShortDebugString());
    REQUIRE(linked.failure.kind() == v1::FAILURE_KIND_UNSPECIFIED);
    return Images::Kernel{linked.image, linked.run};
  };
  Images images{linker.runtime(), linker.stack_low(), 0, kernel(kDouble), kernel(kTrap), kernel(kLoop)};
  images.end = map.Next("ram", 64);
  return images;
}

// One board after the other's reset, with the job's control block.
struct Session {
  Session(ServerLink& link, const Board& board, const Images& images)
      : session(Started(BoardSession::Start(link, images.runtime, kDeadline))) {
    for (const Images::Kernel* kernel : {&images.good, &images.faulting, &images.looping}) {
      REQUIRE(session.Load(kernel->image).ok());
    }
    v1::RunDescription run;
    for (const v1::ArgumentRole role : {v1::ARGUMENT_ROLE_INPUT, v1::ARGUMENT_ROLE_OUTPUT}) {
      v1::Argument& argument = *run.add_arguments();
      argument.set_type(v1::DATA_TYPE_F32);
      argument.set_role(role);
      argument.set_elements(kElements);
    }
    run.set_input_seed(kSeed);
    MemoryMap map(board);
    const std::uint32_t begin = static_cast<std::uint32_t>(board.memory[0].start);
    REQUIRE(map.Take("ram", images.end - begin, 64, "the images").ok());
    job = *LayOut(run, 1, board, images.stack_low, map);
    CHECK(Execute(device::kFill, images.good) == CommandEnd::kDone);
    Protect(board, false, job.control);
  }

  CommandEnd Execute(device::Command command, const Images::Kernel& kernel,
                     absl::Duration deadline = kDeadline) {
    job.control.command = command;
    job.control.run = kernel.run | 1;
    const absl::StatusOr<CommandEnd> end = session.Execute(job.control, deadline, -1);
    INFO(end.status().ToString());
    REQUIRE(end.ok());
    return *end;
  }

  void CheckGood(const Images& images) {
    CHECK(Execute(device::kRun, images.good) == CommandEnd::kDone);
    CHECK(job.control.verdict == device::kFine);
    std::string expected;
    for (int i = 0; i < kElements; ++i) {
      const float value = 2 * InputFloat(kSeed, 0, i);
      expected.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    CHECK(session.Read(job.output().address, job.output_bytes).value() == expected);
  }

  static BoardSession Started(absl::StatusOr<BoardSession> session) {
    INFO(session.status().ToString());
    REQUIRE(session.ok());
    return *std::move(session);
  }

  BoardSession session;
  BoardJob job;
};

// Everything a board is asked for: reset, load, run, read back, time; a fault, a loop without an end, and
// what a server refuses.
void TalkToBoard(const Board& board, const Images& images) {
  ServerLink link(board.gdb);
  {
    Session s(link, board, images);
    CHECK(link.Words().find("halted due to debug-request") != std::string::npos);
    s.CheckGood(images);
    s.job.control.timer = device::kSysTickTimer;
    s.job.control.samples = 2;
    s.job.control.calls = 3;
    CHECK(s.Execute(device::kTime, images.good) == CommandEnd::kDone);
    for (int i = 0; i < 2; ++i) CHECK(s.job.control.cycles[i] > 100);
    CHECK(s.Execute(device::kRun, images.faulting) == CommandEnd::kFault);
    CHECK(s.job.control.fault.cfsr == 1 << 16);  // An undefined instruction.
    CHECK(s.job.control.fault.pc == images.faulting.run);
  }
  {
    Session s(link, board, images);
    CHECK(s.Execute(device::kRun, images.looping, absl::Milliseconds(300)) == CommandEnd::kTimeout);
    CHECK(s.session.stopped_at() == images.looping.run);
  }
  Session s(link, board, images);
  s.CheckGood(images);
  gdb::Client& client = s.session.client();
  const absl::Status unknown = client.Monitor("no such command").status();
  CHECK(absl::IsFailedPrecondition(unknown));
  CHECK(unknown.message().find("invalid command name") != std::string::npos);
  // Where the board has nothing.
  CHECK(absl::IsFailedPrecondition(client.ReadMemory(0x90000000, 16).status()));
  CHECK(absl::IsFailedPrecondition(client.WriteMemory(0x90000000, std::string(16, 'x'))));
  CHECK(absl::IsFailedPrecondition(client.SetBreakpoint(0x90000000)));
  s.CheckGood(images);
}

TEST_CASE("RecordOpenOcd", "[.]") {
  const char* const folder = std::getenv("TUNEFARM_RECORD_TO");
  REQUIRE(folder != nullptr);
  REQUIRE(HaveOpenOcd());
  const TempDir scratch = *TempDir::Create();
  const OpenOcdServer openocd;
  gdb::Recorder recorder(scratch.path() + "/gdb", openocd.address());
  const Board board = SimulatedBoard("unix:" + scratch.path() + "/gdb");
  BoardBench bench(board);
  const Images images = BuildImages(board, bench);
  TalkToBoard(board, images);
  REQUIRE(WriteFileAtomic(std::string(folder) + kImages, ToText(images)).ok());
  REQUIRE(WriteFileAtomic(std::string(folder) + kConversation,
                          "# Between tunefarm and OpenOCD 0.12.0; see openocd_test.cc.\n" + recorder.text())
              .ok());
}

TEST_CASE("RecordedOpenOcdIsTalkedToAsBefore") {
  const std::string folder = TUNEFARM_TEST_SOURCES "/boards/openocd";
  const Images images = FromText(*ReadFile(folder + kImages));
  const TempDir scratch = *TempDir::Create();
  gdb::Replayer replayer(scratch.path() + "/gdb", *ReadFile(folder + kConversation));
  TalkToBoard(SimulatedBoard("unix:" + scratch.path() + "/gdb"), images);
  CHECK(replayer.difference() == "");
  CHECK(replayer.left() == 0);
}

TEST_CASE("BoardBehindOpenOcdIsMeasuredAndRecovers") {
  if (!HaveOpenOcd()) return;
  const OpenOcdServer openocd;
  BoardBench bench(SimulatedBoard(openocd.address()));
  const std::string good = bench.Compile(absl::StrCat("RUN {", kProduct, "}"));
  const v1::Measurement first = bench.Measure(bench.Work({good}));
  INFO(first.failure().ShortDebugString());
  REQUIRE(first.kernels_size() == 1);
  CHECK_FALSE(first.kernels(0).estimated());
  CHECK(first.kernels(0).cycles() > 100);
  const v1::Measurement fault =
      bench.Measure(bench.Work({bench.Compile("RUN { *(volatile int*)0xd0000000 = 1; }")}));
  CHECK(fault.failure().kind() == v1::FAILURE_KIND_FAULT);
  const v1::Measurement next = bench.Measure(bench.Work({good}));
  INFO(next.failure().ShortDebugString());
  CHECK(next.kernels_size() == 1);
}

}  // namespace
}  // namespace tunefarm
