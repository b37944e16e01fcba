#include "tuner/work_id.h"

#include "tests/catch.h"
#include "tuner/cpu_list.h"

namespace tunefarm::tuner {
namespace {

TEST_CASE("WorkIdsAreReadBackAsWritten") {
  for (const WorkId& id : {WorkId{"job-1", 0, false, 0, 0}, WorkId{"job-7f3a2c", 12, false, 345, 2},
                           WorkId{"job-1", 3, true, 1, 0}, WorkId{"job-1", 3, true, 0, 9}}) {
    CHECK(WorkId::Parse(id.ToString()) == id);
  }
  CHECK(WorkId{"job-7f3a2c", 0, false, 12, 0}.ToString() == "job-7f3a2c/0/12");
  CHECK(WorkId{"job-7f3a2c", 0, true, 1, 2}.ToString() == "job-7f3a2c/0/confirm.1~2");
}

TEST_CASE("WhatIsNoWorkIdIsRefused") {
  for (const char* text :
       {"", "job", "job/0", "job/0/", "/0/1", "job/x/1", "job/0/-1", "job/0/1~", "job/0/1~0", "job/0/1~1~2",
        "job/0/1/2", "job/0/01", "job/0/confirm", "job/0/confirm."}) {
    INFO(text);
    CHECK(!WorkId::Parse(text).has_value());
  }
}

TEST_CASE("CpuListsTakeNumbersAndRanges") {
  CHECK(ParseCpuList("0,2-3").value() == std::vector<int>{0, 2, 3});
  for (const char* text : {"", ",", "a", "3-2", "1-", "-1", "0,,1", "99999", "1-2-3"}) {
    INFO(text);
    CHECK(absl::IsInvalidArgument(ParseCpuList(text).status()));
  }
}

}  // namespace
}  // namespace tunefarm::tuner
