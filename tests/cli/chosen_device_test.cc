#include "cli/chosen_device.h"

#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm::cli {
namespace {

TEST_CASE("DevicesBringTheirTargetWithTheBoardsMemory") {
  CHECK_FALSE(FindDevice("")->has_value());
  const auto device = *FindDevice("emulated:nucleo-l4r5zi");
  REQUIRE(device.has_value());
  CHECK(device->text == "emulated:nucleo-l4r5zi");
  const absl::StatusOr<schedules::Target> target = TargetOf(device->board);
  INFO(target.status().ToString());
  REQUIRE(target.ok());
  CHECK(target->name == "cortex-m4");
  CHECK(target->kernel_format == schedules::KernelFormat::kObject);
  CHECK(target->data_bytes > 600 << 10);
  CHECK(target->data_bytes < 640 << 10);
  CHECK(target->constant_bytes > 2000 << 10);
  CHECK(target->constant_bytes < 2048 << 10);
  CHECK(absl::IsNotFound(FindDevice("emulated:nothing").status()));
}

TEST_CASE("RealBoardsHaveOneMemoryForAll") {
  for (const char* file : {"openocd-nucleo-l4r5zi", "pyocd-stm32f746", "jlink-nrf52840"}) {
    INFO(file);
    const absl::StatusOr<Board> board = FindBoard(absl::StrCat(TUNEFARM_BOARDS, "/", file, ".json"));
    INFO(board.status().ToString());
    REQUIRE(board.ok());
    CHECK_FALSE(board->emulated());
    const absl::StatusOr<schedules::Target> target = TargetOf(*board);
    REQUIRE(target.ok());
    CHECK(target->constant_bytes == 0);
    CHECK(target->data_bytes > 200 << 10);
    CHECK_FALSE(IsEstimatedClass(board->DeviceClass()));
  }
}

TEST_CASE("ShippedDevicesAreKnownByTheirClassAsLongAsTheyAreTheSame") {
  const Board board = *FindBoard("emulated:cortex-m7");
  CHECK(ShippedDeviceOf(board.DeviceClass()) == "emulated:cortex-m7");
  CHECK(ShippedDeviceOf("emulated:cortex-m7@00000000").empty());
  CHECK(ShippedDeviceOf("emulated:mine@" + board.digest).empty());
  CHECK(ShippedDeviceOf("x86-64-v3").empty());
  CHECK(IsEstimatedClass(board.DeviceClass()));
}

TEST_CASE("JobOfAChangedDeviceFileDoesNotGoOn") {
  const TempDir folder = *TempDir::Create();
  v1::JobOptions options;
  CHECK_FALSE(DeviceOfJob(options)->has_value());
  options.set_device("emulated:cortex-m4");
  options.set_device_class(FindBoard("emulated:cortex-m4")->DeviceClass());
  CHECK((*DeviceOfJob(options))->board.name == "cortex-m4");
  options.set_device_class("emulated:cortex-m4@00000000");
  const absl::Status changed = DeviceOfJob(options).status();
  CHECK(absl::IsFailedPrecondition(changed));
  CHECK(std::string(changed.message()).find("has changed since the job began") != std::string::npos);
}

}  // namespace
}  // namespace tunefarm::cli
