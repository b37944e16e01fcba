#include "runner/gdb/packet.h"

#include "tests/catch.h"

namespace tunefarm::gdb {
namespace {

using Kind = Received::Kind;

TEST_CASE("PacketsCarryTheSumOfTheirBytes") {
  CHECK(EncodePacket("OK") == "$OK#9a");  // 0x4f + 0x4b.
  CHECK(EncodePacket("") == "$#00");
  CHECK(EncodePacket("m20000000,4") == "$m20000000,4#4f");
  // '#' is 0x23; escaped it is '}' and 0x03: 0x7d + 0x03 = 0x80.
  CHECK(EncodePacket("#") == std::string("$}\x03#80"));
  for (const char c : {'$', '#', '}', '*'}) CHECK(EncodePacket(std::string(1, c)).size() == 6);
}

TEST_CASE("EveryByteSurvivesAPacket") {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  PacketDecoder decoder;
  decoder.Feed(EncodePacket(all));
  const auto received = decoder.Next();
  REQUIRE(received.has_value());
  CHECK(received->kind == Kind::kPacket);
  CHECK(received->payload == all);
  CHECK_FALSE(decoder.Next().has_value());
}

TEST_CASE("RunLengthsAreExpanded") {
  PacketDecoder decoder;
  // The GDB manual's example: "0* " is "0000", as ' ' is 32, 3 more than 29.
  decoder.Feed("$0* #7a");
  CHECK(decoder.Next()->payload == "0000");
}

TEST_CASE("PacketsAreFoundInAStreamThatArrivesByteForByte") {
  PacketDecoder decoder;
  std::vector<Received> found;
  for (const char c : std::string("noise+-$OK#9a$T05thread:01;#07rest")) {
    decoder.Feed(absl::string_view(&c, 1));
    while (auto received = decoder.Next()) found.push_back(*received);
  }
  REQUIRE(found.size() == 4);
  CHECK(found[0].kind == Kind::kAck);
  CHECK(found[1].kind == Kind::kNak);
  CHECK(found[2].payload == "OK");
  CHECK(found[3].payload == "T05thread:01;");
}

TEST_CASE("DamagedPacketsAreToldFromGoodOnes") {
  const auto kind_of = [](const std::string& bytes) {
    PacketDecoder decoder;
    decoder.Feed(bytes);
    const auto received = decoder.Next();
    REQUIRE(received.has_value());
    return received->kind;
  };
  CHECK(kind_of("$OK#9b") == Kind::kDamaged);
  CHECK(kind_of("$OK#zz") == Kind::kDamaged);
  CHECK(kind_of("$*!#4b") == Kind::kDamaged);      // A run of nothing.
  CHECK(kind_of("$a*\x01#8c") == Kind::kDamaged);  // A run length below 29.
  CHECK(kind_of("$a}#de") == Kind::kDamaged);      // An escape of nothing.
  CHECK(kind_of("$cut$OK#9a") == Kind::kDamaged);
  CHECK(kind_of("$" + std::string(kMaxPacket + 8, 'x')) == Kind::kTooLong);
  PacketDecoder decoder;
  decoder.Feed("$cut$OK#9a");
  decoder.Next();
  CHECK(decoder.Next()->payload == "OK");  // What follows is understood again.
}

TEST_CASE("HexadecimalOfOddLengthOrOtherLettersIsRefused") {
  CHECK(ToHex(std::string("\x00\xff\x1a", 3)) == "00ff1a");
  CHECK(*FromHex("00FF1a") == std::string("\x00\xff\x1a", 3));
  CHECK_FALSE(FromHex("0").ok());
  CHECK_FALSE(FromHex("0g").ok());
}

}  // namespace
}  // namespace tunefarm::gdb
