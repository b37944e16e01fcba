#include "runner/cycles/region.h"

#include "runner/cycles/basic_blocks.h"
#include "tests/catch.h"

namespace tunefarm::cycles {
namespace {

CodeBlock Block(std::uint64_t address, std::uint64_t executions, std::uint64_t taken, int instructions) {
  CodeBlock block;
  block.address = address;
  block.executions = executions;
  block.taken = taken;
  for (int i = 0; i < instructions; ++i) {
    block.sizes.push_back(2);
    // Each address has its own code.
    block.code += static_cast<char>(address / 2 + static_cast<std::uint64_t>(i));
    block.code += '\0';
  }
  return block;
}

TEST_CASE("RegionTextIsParsed") {
  const auto regions = ParseRegions(
      "region 7 1 2\ncache icache 3 0 0\nblock 1c 5 4 24 00bf01f20101\nend\nregion 0 0 0\nend\n");
  REQUIRE(regions.status() == absl::OkStatus());
  REQUIRE(regions->size() == 2);
  const Region& region = (*regions)[0];
  CHECK(region.instructions == 7);
  CHECK(region.loads == 1);
  CHECK(region.stores == 2);
  REQUIRE(region.caches.size() == 1);
  CHECK(region.caches[0].name == "icache");
  CHECK(region.caches[0].fetch == 3);
  REQUIRE(region.blocks.size() == 1);
  CHECK(region.blocks[0].address == 0x1c);
  CHECK(region.blocks[0].executions == 5);
  CHECK(region.blocks[0].taken == 4);
  CHECK(region.blocks[0].sizes == std::vector<std::uint8_t>{2, 4});
  CHECK(region.blocks[0].code == std::string("\x00\xbf\x01\xf2\x01\x01", 6));
}

TEST_CASE("RegionTextThatIsCutOffOrMalformedIsDataLoss") {
  for (const char* text :
       {"region 1 0 0\nblock 0 1 0 2 00bf\n", "block 0 1 0 2 00bf\nend\n", "region 1 0\nend\n",
        "region 1 0 0\nblock 0 1 2 2 00bf\nend\n", "region 1 0 0\nblock 0 1 0 3 00bf00\nend\n",
        "region 1 0 0\nblock 0 1 0 2 00b\nend\n", "region 1 0 0\nregion 1 0 0\nend\n", "nonsense\n"}) {
    INFO(text);
    CHECK(ParseRegions(text).status().code() == absl::StatusCode::kDataLoss);
  }
}

TEST_CASE("BlocksCutAtAPageEndAreJoined") {
  Region region;
  // A loop of 4 + 3 instructions that a page end cuts.
  region.blocks = {Block(0x3f8, 9, 0, 4), Block(0x400, 9, 8, 3)};
  const auto blocks = BasicBlocks(region);
  REQUIRE(blocks.status() == absl::OkStatus());
  REQUIRE(blocks->size() == 1);
  CHECK((*blocks)[0].sizes.size() == 7);
  CHECK((*blocks)[0].executions == 9);
  CHECK((*blocks)[0].taken == 8);
}

TEST_CASE("OverlappingTranslationsGiveTheSameBlocks") {
  // First through the preamble, then round the loop: QEMU translated preamble + loop as one, and the loop
  // again.
  Region overlapping, separate;
  overlapping.blocks = {Block(0, 1, 1, 5), Block(4, 9, 8, 3)};
  separate.blocks = {Block(0, 1, 0, 2), Block(4, 10, 9, 3)};
  const auto a = BasicBlocks(overlapping), b = BasicBlocks(separate);
  REQUIRE(a.status() == absl::OkStatus());
  REQUIRE(b.status() == absl::OkStatus());
  REQUIRE(a->size() == 2);
  REQUIRE(b->size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK((*a)[i].address == (*b)[i].address);
    CHECK((*a)[i].code == (*b)[i].code);
    CHECK((*a)[i].executions == (*b)[i].executions);
    CHECK((*a)[i].taken == (*b)[i].taken);
  }
}

TEST_CASE("SingleSteppedCodeGivesTheSameBlocks") {
  // As with a breakpoint in the page: every instruction a block of its own.
  Region region;
  for (const std::uint64_t at : {0, 2, 4}) region.blocks.push_back(Block(at, 5, at == 4 ? 4 : 0, 1));
  const auto blocks = BasicBlocks(region);
  REQUIRE(blocks.status() == absl::OkStatus());
  REQUIRE(blocks->size() == 1);
  CHECK((*blocks)[0].sizes.size() == 3);
  CHECK((*blocks)[0].taken == 4);
}

TEST_CASE("CodeThatChangesWhileItRunsIsDataLoss") {
  Region region;
  region.blocks = {Block(0, 1, 0, 1), Block(0, 1, 0, 1)};
  region.blocks[1].code[0] = 'x';
  CHECK(BasicBlocks(region).status().code() == absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tunefarm::cycles
