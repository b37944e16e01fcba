#include "runner/gdb/client.h"

#include "absl/time/clock.h"
#include "tests/catch.h"
#include "tests/runner/gdb/scripted_server.h"

namespace tunefarm::gdb {
namespace {

// Short, for servers that never answer.
ClientOptions Impatient() {
  ClientOptions options;
  options.answer_deadline = absl::Milliseconds(100);
  return options;
}

std::unique_ptr<Client> ClientOf(ScriptedServer& server, const ClientOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Over(server.channel(), options);
  INFO(client.status().ToString());
  REQUIRE(client.ok());
  return *std::move(client);
}

TEST_CASE("MemoryIsWrittenInPacketsOfTheServersSize") {
  std::string memory(1000, '\0');
  ScriptedServer server(AfterHandshake([&](const std::string& request) -> std::optional<std::string> {
    CHECK(EncodePacket(request).size() <= 0x200);
    unsigned address = 0, size = 0;
    int header = 0;
    if (std::sscanf(request.c_str(), "M%x,%x:%n", &address, &size, &header) == 2) {
      memory.replace(address, size, *FromHex(request.substr(header)));
      return Good("OK");
    }
    if (std::sscanf(request.c_str(), "m%x,%x", &address, &size) == 2)
      return Good(ToHex(memory.substr(address, size)));
    return Good("");
  }));
  std::string content;
  for (int i = 0; i < 900; ++i) content.push_back(static_cast<char>(i * 7));
  {
    const auto client = ClientOf(server);
    CHECK(client->packet_bytes() == 0x200);
    REQUIRE(client->WriteMemory(50, content).ok());
    CHECK(*client->ReadMemory(50, 900) == content);
    CHECK(client->WriteMemory(0, "").ok());
    CHECK(*client->ReadMemory(50, 0) == "");
  }
  CHECK(memory.substr(50, 900) == content);
}

TEST_CASE("RefusalsNameWhatWasAskedAndLeaveTheConnectionUsable") {
  ScriptedServer server(AfterHandshake([](const std::string& request) -> std::optional<std::string> {
    if (request[0] == 'm') return Good("E14");
    if (request[0] == 'p') return Good("78563412");
    if (request[0] == 'Z' && request[1] == '0') return Good("E0e");
    if (request[0] == 'Z') return Good("OK");
    return Good("");
  }));
  const auto client = ClientOf(server);
  const absl::Status read = client->ReadMemory(0xdeadbeef, 4).status();
  CHECK(absl::IsFailedPrecondition(read));
  CHECK(read.message() == "the GDB server refuses to read 4 bytes at 0xdeadbeef (E14)");
  CHECK(absl::IsUnimplemented(client->WriteRegister("pc", 1)));
  CHECK(*client->ReadRegister("pc") == 0x12345678);
  CHECK(client->SetBreakpoint(0x20000000).ok());  // In hardware, after software refused.
  CHECK(absl::IsInvalidArgument(client->ReadRegister("eax").status()));
  CHECK(client->usable());
}

TEST_CASE("DamagedAnswersAreAskedForAgain") {
  int times = 0;
  ScriptedServer server(AfterHandshake([&](const std::string& request) -> std::optional<std::string> {
    if (request == "-") return EncodePacket("01020304");
    if (request[0] == 'm' && times++ == 0) return "+$01020304#00";
    return Good("");
  }));
  const auto client = ClientOf(server);
  CHECK(*client->ReadMemory(0, 4) == "\x01\x02\x03\x04");
}

TEST_CASE("RequestsThatArriveDamagedAreSentAgain") {
  int times = 0;
  ScriptedServer server(AfterHandshake([&](const std::string& request) -> std::optional<std::string> {
    if (request[0] == 'm') return times++ == 0 ? "-" : Good("aa");
    return Good("");
  }));
  const auto client = ClientOf(server);
  CHECK(*client->ReadMemory(0, 1) == "\xaa");
  CHECK(times == 2);
}

// The server's behaviour, and the kind of error that ends the connection.
void CheckEnds(ScriptedServer::Answer answer, absl::StatusCode code) {
  ScriptedServer server(AfterHandshake(std::move(answer)));
  const auto client = ClientOf(server, Impatient());
  const absl::Time start = absl::Now();
  const absl::Status status = client->ReadMemory(0, 4).status();
  INFO(status.ToString());
  CHECK(status.code() == code);
  CHECK(absl::Now() - start < absl::Seconds(5));
  CHECK_FALSE(client->usable());
  CHECK(absl::IsUnavailable(client->ReadRegister("pc").status()));
}

TEST_CASE("ServersThatStallDropOrAnswerGarbageAreGivenUp") {
  using Bytes = std::optional<std::string>;
  CheckEnds([](const std::string&) -> Bytes { return ""; }, absl::StatusCode::kDeadlineExceeded);
  CheckEnds([](const std::string&) -> Bytes { return "+"; }, absl::StatusCode::kDeadlineExceeded);
  CheckEnds([](const std::string&) -> Bytes { return "+$0102"; }, absl::StatusCode::kDeadlineExceeded);
  CheckEnds([](const std::string&) -> Bytes { return std::nullopt; }, absl::StatusCode::kUnavailable);
  CheckEnds([](const std::string&) -> Bytes { return "+$01020304#00"; }, absl::StatusCode::kDataLoss);
  CheckEnds([](const std::string&) -> Bytes { return "-"; }, absl::StatusCode::kDataLoss);
  CheckEnds([](const std::string&) -> Bytes { return Good("hello, world"); }, absl::StatusCode::kDataLoss);
  CheckEnds([](const std::string&) -> Bytes { return Good("01020304050607"); }, absl::StatusCode::kDataLoss);
  CheckEnds([](const std::string&) -> Bytes { return "+$" + std::string(kMaxPacket + 10, 'x'); },
            absl::StatusCode::kDataLoss);
}

TEST_CASE("WhatIsNoGdbServerFailsTheHandshake") {
  ScriptedServer http(
      [](const std::string&) -> std::optional<std::string> { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
  const absl::Status says = Client::Over(http.channel(), Impatient()).status();
  CHECK(absl::IsDataLoss(says));
  CHECK(says.message() == "this is no GDB server: it says 'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'");
  // A terminal, such as OpenOCD's telnet port.
  ScriptedServer echo([](const std::string& request) -> std::optional<std::string> { return Good(request); });
  CHECK(absl::IsDataLoss(Client::Over(echo.channel(), Impatient()).status()));
  ScriptedServer mute([](const std::string&) -> std::optional<std::string> { return ""; });
  CHECK(absl::IsDeadlineExceeded(Client::Over(mute.channel(), Impatient()).status()));
  ScriptedServer gone([](const std::string&) -> std::optional<std::string> { return std::nullopt; });
  CHECK(absl::IsUnavailable(Client::Over(gone.channel(), Impatient()).status()));
  CHECK(absl::IsUnavailable(Client::Connect("127.0.0.1:1", Impatient()).status()));
  CHECK(absl::IsUnavailable(Client::Connect("unix:/no/such/socket", Impatient()).status()));
}

TEST_CASE("RunningTargetIsHaltedOnConnecting") {
  bool running = true;
  ScriptedServer server([&](const std::string& request) -> std::optional<std::string> {
    if (request == "\x03") {
      running = false;
      return EncodePacket("S02");
    }
    if (request == "?") return running ? "+" : Good("S02");
    return Good("");
  });
  const auto client = ClientOf(server, Impatient());
  CHECK_FALSE(running);
}

TEST_CASE("WaitingForAStopMayPassItsDeadlineWithoutHarm") {
  ScriptedServer server(AfterHandshake([](const std::string& request) -> std::optional<std::string> {
    if (request == "c") return "+" + EncodePacket("O68656c6c6f");  // It prints, and runs on.
    if (request == "\x03") return EncodePacket("T02thread:01;");
    if (request[0] == 'p') return Good("00000020");
    return Good("");
  }));
  const auto client = ClientOf(server);
  REQUIRE(client->Continue().ok());
  CHECK(absl::IsDeadlineExceeded(client->WaitForStop(absl::Now() + absl::Milliseconds(30)).status()));
  REQUIRE(client->usable());
  REQUIRE(client->Interrupt().ok());
  const absl::StatusOr<Stop> stop = client->WaitForStop(absl::Now() + absl::Seconds(5));
  REQUIRE(stop.ok());
  CHECK(stop->signal == 2);
  CHECK(*client->ReadRegister("pc") == 0x20000000);
}

TEST_CASE("ServerThatDiesWhileTheTargetRunsIsNoticedAtOnce") {
  ScriptedServer server(AfterHandshake([](const std::string& request) -> std::optional<std::string> {
    if (request == "c") return std::nullopt;
    return Good("");
  }));
  const auto client = ClientOf(server);
  (void)client->Continue();
  const absl::Time start = absl::Now();
  CHECK(absl::IsUnavailable(client->WaitForStop(absl::Now() + absl::Seconds(60)).status()));
  CHECK(absl::Now() - start < absl::Seconds(10));
}

TEST_CASE("DescriptionsThatAreNoCortexMAreRefused") {
  const auto numbers = [](const std::string& xml) {
    return ReadRegisterNumbers([xml](const std::string&) -> absl::StatusOr<std::string> { return xml; });
  };
  const absl::Status status = numbers("<target><reg name=\"eax\" bitsize=\"32\"/></target>").status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(absl::IsInvalidArgument(numbers("<target><xi:include href=\"target.xml\"/></target>").status()));
  std::string xml = "<target><!-- <reg name=\"r0\" regnum=\"99\"/> -->";
  for (const char* name :
       {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr"})
    xml += absl::StrCat("<reg name='", name, "' bitsize='32'/>");
  xml += "<reg name='pc' bitsize='32' regnum='15'/><reg name='xpsr' bitsize='32' regnum='25'/></target>";
  const absl::StatusOr<RegisterNumbers> good = numbers(xml);
  REQUIRE(good.ok());
  CHECK(*good == MProfileRegisters());
}

}  // namespace
}  // namespace tunefarm::gdb
