#include "tuner/device_choice.h"

#include "absl/strings/match.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

v1::DeviceStatus* AddDevice(v1::ListDevicesResponse& list, const std::string& id,
                            const std::string& device_class, const std::vector<std::string>& features) {
  v1::DeviceStatus* device = list.add_devices();
  device->mutable_facts()->set_device_id(id);
  device->mutable_facts()->set_device_class(device_class);
  device->mutable_facts()->set_architecture("x86_64");
  for (const std::string& feature : features) device->mutable_facts()->add_isa_features(feature);
  device->set_online(true);
  device->set_health(v1::DEVICE_HEALTH_GOOD);
  return device;
}

v1::DeviceRequirements Avx2() {
  schedules::Target target;
  target.architecture = "x86_64";
  target.isa_features = {"avx2", "fma"};
  return RequirementsOf(target, v1::JobOptions());
}

TEST_CASE("ClassWithMostSuitableDevicesIsChosen") {
  v1::ListDevicesResponse list;
  AddDevice(list, "a", "old", {"sse2"});
  AddDevice(list, "b", "old", {"sse2"});
  AddDevice(list, "c", "new", {"avx2", "fma"});
  AddDevice(list, "d", "newer", {"avx2", "fma", "avx512f"});
  AddDevice(list, "e", "newer", {"avx2", "fma", "avx512f"});
  CHECK(ChooseDeviceClass(list, Avx2()).device_class == "newer");
  CHECK(CountSuitable(list, Avx2()) == 3);
  list.mutable_devices(4)->set_online(false);
  CHECK(ChooseDeviceClass(list, Avx2()).device_class == "new");  // Equal numbers: the first by name.
}

TEST_CASE("DevicesThatTakeNoWorkDoNotCount") {
  v1::ListDevicesResponse list;
  v1::DeviceStatus* device = AddDevice(list, "a", "c", {"avx2", "fma"});
  CHECK(Suits(*device, Avx2()));
  SECTION("offline") { device->set_online(false); }
  SECTION("draining") { device->set_draining(true); }
  SECTION("in quarantine") { device->set_health(v1::DEVICE_HEALTH_QUARANTINED); }
  SECTION("of another architecture") { device->mutable_facts()->set_architecture("aarch64"); }
  CHECK(!Suits(*device, Avx2()));
  CHECK(ChooseDeviceClass(list, Avx2()).device_class.empty());
}

TEST_CASE("WhyNoDeviceSuitsNamesWhatEachLacks") {
  v1::ListDevicesResponse list;
  CHECK(absl::StrContains(ChooseDeviceClass(list, Avx2()).why_none, "no runner is registered"));
  AddDevice(list, "board", "c", {"avx2"});
  AddDevice(list, "gone", "c", {"avx2", "fma"})->set_online(false);
  const std::string why = ChooseDeviceClass(list, Avx2()).why_none;
  CHECK(absl::StrContains(why, "board is without fma"));
  CHECK(absl::StrContains(why, "gone is offline"));
}

TEST_CASE("AskedForClassAndDeviceAreRespected") {
  v1::ListDevicesResponse list;
  AddDevice(list, "a", "one", {"avx2", "fma"});
  AddDevice(list, "b", "two", {"avx2", "fma"});
  v1::DeviceRequirements wanted = Avx2();
  wanted.set_device_class("two");
  CHECK(ChooseDeviceClass(list, wanted).device_class == "two");
  wanted.set_device_id("a");
  CHECK(ChooseDeviceClass(list, wanted).device_class.empty());
}

}  // namespace
}  // namespace tunefarm::tuner
