#include "cli/table.h"

#include "tests/catch.h"

namespace tunefarm::cli {

TEST_CASE("ColumnsAreAlignedAndLinesHaveNoTrailingSpace") {
  Table table({{"name"}, {"count", Align::kRight}, {"state"}});
  table.AddRow({"a", "1", "waiting"});
  table.AddRow({"longer", "12345678", "ok"});
  CHECK(table.ToString() ==
        "name       count  state\n"
        "a              1  waiting\n"
        "longer  12345678  ok\n");
}

TEST_CASE("OnlyTheFlexibleColumnGivesWay") {
  Table table({{"task", Align::kLeft, true}, {"n", Align::kRight}});
  table.AddRow({"conv2d 56x56x64->64 3x3", "12"});
  const auto lines = table.Lines(18);
  CHECK(lines[1] == "conv2d..64 3x3  12");
  CHECK(lines[0] == "task             n");
}

TEST_CASE("ALabelKeepsEightColumnsHoweverNarrowTheTerminal") {
  Table table({{"task", Align::kLeft, true}, {"n", Align::kRight}});
  table.AddRow({"abcdefghijklmnop", "1"});
  CHECK(table.Lines(5)[1] == "abc..nop  1");
}

}  // namespace tunefarm::cli
