#include "runner/boards/board.h"

#include <nlohmann/json.hpp>

#include "base/exit_code.h"
#include "base/file.h"
#include "runner/boards/builtin_boards.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

using Json = nlohmann::json;

// The text of the first built-in bare-metal board, to be spoilt.
Json Sample() {
  for (const char* text : BuiltinBoardJson()) {
    Json json = Json::parse(text);
    if (json["name"] == "nucleo-l4r5zi") return json;
  }
  FAIL("no such board");
  return {};
}

TEST_CASE("ShippedBoardsParse") {
  for (const std::string name : {"cortex-m4", "cortex-m55", "cortex-m7", "nucleo-l4r5zi", "stm32f746"}) {
    INFO(name);
    const absl::StatusOr<Board> board = FindBoard("emulated:" + name);
    INFO(board.status().ToString());
    REQUIRE(board.ok());
    CHECK(board->kind == BoardKind::kQemuSystem);
    CHECK(board->emulated());
    CHECK(board->digest.size() == 8);
    CHECK(board->DeviceClass() == "emulated:" + name + "@" + board->digest);
  }
  for (const std::string name : {"cortex-a53", "cortex-a72", "cortex-a76", "cortex-a9"}) {
    INFO(name);
    const absl::StatusOr<Board> board = FindBoard("emulated:" + name);
    INFO(board.status().ToString());
    REQUIRE(board.ok());
    CHECK(board->kind == BoardKind::kQemuUser);
    CHECK(board->emulated());
  }
  const Board board = *FindBoard("emulated:nucleo-l4r5zi");
  CHECK(board.clock_hz == 120000000);
  REQUIRE(board.Region("ram") != nullptr);
  CHECK(board.Region("ram")->start == 0x20000000);
  CHECK(board.Region("ram")->bytes == 640 << 10);
  CHECK(board.Region("flash")->wait_states == 5);
  const std::vector<cycles::CacheSpec>& caches = board.cycle_model.caches;
  REQUIRE(caches.size() == 2);
  CHECK(caches[1].serves == cycles::Serves::kData);
  CHECK(caches[1].sector_bytes == 8);
  REQUIRE(caches[1].ranges.size() == 1);
  CHECK(caches[1].ranges[0].end == 2 << 20);
}

TEST_CASE("EveryMissingOrForeignFieldOfABoardIsNamed") {
  const Json good = Sample();
  REQUIRE(ParseBoard(good.dump()).ok());
  const auto refused = [](const Json& json) {
    const absl::Status status = ParseBoard(json.dump()).status();
    CHECK(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  for (const auto& [field, value] : good.items()) {
    if (field == "caches" || field == "cycle_model") continue;  // May be absent.
    Json json = good;
    json.erase(field);
    INFO(field);
    CHECK(refused(json).find("'" + field + "'") != std::string::npos);
    json[field] = Json::array({Json::array()});
    CHECK(refused(json).find(field) != std::string::npos);
  }
  Json json = good;
  json["memory"][1]["bytes"] = -1;
  CHECK(refused(json).find("'memory[1].bytes'") != std::string::npos);
  json = good;
  json["memory"][1]["start"] = "0xffffffff0000";
  CHECK(refused(json).find("'memory[1].start'") != std::string::npos);
  json = good;
  json["memory"][1]["name"] = "flash";
  CHECK(refused(json).find("'memory[1].name'") != std::string::npos);
  json = good;
  json["placement"]["data"] = "flash";
  CHECK(refused(json).find("'placement.data' must be RAM") != std::string::npos);
  json = good;
  json["placement"]["code"] = "elsewhere";
  CHECK(refused(json).find("'placement.code'") != std::string::npos);
  json = good;
  json["caches"][0]["line_bytes"] = 24;
  CHECK(refused(json).find("'caches[0].line_bytes' must be a power of two") != std::string::npos);
  json = good;
  json["caches"][0]["regions"] = {"nowhere"};
  CHECK(refused(json).find("'caches[0].regions'") != std::string::npos);
  json = good;
  json["qemu"]["colour"] = "red";
  CHECK(refused(json).find("'qemu.colour'") != std::string::npos);
  CHECK(ParseBoard("{").status().message() == "device file: not valid JSON");
  CHECK(ParseBoard("7").status().message() == "device file: the file must be a JSON object");
}

TEST_CASE("RealBoardsFlashIsNeverAPlaceToLoadTo") {
  Json json = Sample();
  json.erase("qemu");
  json.erase("cycle_model");
  json["kind"] = "gdb";
  json["gdb"] = {{"server", "127.0.0.1:3333"}, {"reset", {"reset halt"}}, {"timer", "dwt"}};
  const absl::Status status = ParseBoard(json.dump()).status();
  CHECK(std::string(status.message()).find("flash is never written") != std::string::npos);
  json["placement"] = {{"code", "ram"}, {"constants", "ram"}, {"data", "ram"}, {"stack", "ram"}};
  const absl::StatusOr<Board> board = ParseBoard(json.dump());
  INFO(board.status().ToString());
  REQUIRE(board.ok());
  CHECK_FALSE(board->emulated());
  CHECK(board->gdb.timer == BoardTimer::kDwt);
  CHECK(board->DeviceClass() == "gdb:nucleo-l4r5zi@" + board->digest);
  json["cycle_model"] = {{"name", "cortex-m4"}, {"error_band", 0.1}};
  CHECK_FALSE(ParseBoard(json.dump()).ok());
}

TEST_CASE("ChangedBoardHasAnotherIdentity") {
  const Json good = Sample();
  const std::string digest = ParseBoard(good.dump())->digest;
  CHECK(ParseBoard(good.dump(4))->digest == digest);
  Json json = good;
  json["description"] = "another text";
  CHECK(ParseBoard(json.dump())->digest == digest);
  json["memory"][0]["wait_states"] = 4;
  CHECK(ParseBoard(json.dump())->digest != digest);
  json = good;
  json["caches"][1]["miss_cycles"] = 6;
  CHECK(ParseBoard(json.dump())->digest != digest);
}

TEST_CASE("DevicesAreFoundByNameAndByPath") {
  const absl::Status unknown = FindBoard("emulated:cortex-m99").status();
  CHECK(absl::IsNotFound(unknown));
  CHECK(ExitCodeOf(unknown) == ExitCode::kUsage);
  CHECK(std::string(unknown.message()).find("emulated:cortex-m4") != std::string::npos);
  CHECK_FALSE(FindBoard("cortex-m4").ok());

  const TempDir folder = *TempDir::Create();
  const std::string path = folder.path() + "/mine.json";
  Json json = Sample();
  json["name"] = "mine";
  REQUIRE(WriteFileAtomic(path, json.dump()).ok());
  CHECK(FindBoard(path)->name == "mine");
  REQUIRE(WriteFileAtomic(path, "{}").ok());
  const absl::Status malformed = FindBoard(path).status();
  CHECK(ExitCodeOf(malformed) == ExitCode::kUsage);
  CHECK(std::string(malformed.message()).find(path) != std::string::npos);
  CHECK(ExitCodeOf(FindBoard(folder.path() + "/none.json").status()) == ExitCode::kUsage);
}

}  // namespace
}  // namespace tunefarm
