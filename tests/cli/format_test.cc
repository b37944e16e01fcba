#include "cli/format.h"

#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {

TEST_CASE("NumbersHaveThreeDigitsAndUnknownIsADash") {
  CHECK(FormatGflops(0.834) == "0.83");
  CHECK(FormatGflops(12.36) == "12.4");
  CHECK(FormatGflops(101.4) == "101");
  CHECK(FormatGflops(0) == "-");
  CHECK(FormatSpeedup(3.416) == "3.42x");
  CHECK(FormatSpeedup(0) == "-");
  CHECK(FormatShare(0.874) == "87 %");
  CHECK(FormatMicroseconds(12.34) == "12.3 us");
  CHECK(FormatMicroseconds(4560) == "4.56 ms");
  CHECK(FormatMicroseconds(1.2e6) == "1.20 s");
}

TEST_CASE("DurationsAreReadAsOnAClock") {
  CHECK(FormatSeconds(42.4) == "42 s");
  CHECK(FormatSeconds(190) == "3:10");
  CHECK(FormatSeconds(3723) == "1:02:03");
  CHECK(FormatSeconds(-5) == "0 s");
}

TEST_CASE("LongTextLosesItsMiddle") {
  CHECK(FitWidth("abcdefghij", 10) == "abcdefghij");
  CHECK(FitWidth("abcdefghij", 6) == "ab..ij");
  CHECK(FitWidth("abcdefghij", 7) == "abc..ij");
  CHECK(FitWidth("abcdefghij", 3) == "a..");
  CHECK(FitWidth("abcdefghij", 2) == "..");
}

TEST_CASE("TextIsNotCutInsideACharacter") {
  CHECK(DisplayWidth("▁▂▃") == 3);
  CHECK(FitWidth("▁▂▃▄▅▆", 4) == "▁..▆");
}

TEST_CASE("LabelsTellTheLayersOfANetworkApart") {
  CHECK(TaskLabel(kConv) == "conv2d 56x56x64->64 3x3 p1 nhwc bias+relu");
  CHECK(TaskLabel("conv2d:n=8,h=224,w=224,ci=3,co=64,kh=7,kw=7,stride=2,pad=3,dilation=2,groups=4,layout="
                  "nchw,dtype=f32") == "conv2d 224x224x3->64 7x7 s2 p3 d2 g4 n8 nchw");
  CHECK(TaskLabel("depthwise_conv2d:n=1,h=112,w=112,c=32,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,"
                  "epilogue=bias+relu6") == "depthwise_conv2d 112x112x32 3x3 p1 nhwc bias+relu6");
  CHECK(TaskLabel("matmul:m=1024,n=512,k=256,dtype=f32") == "matmul 1024x512x256");
  CHECK(TaskLabel("dense:m=1,n=2,k=3,dtype=i8,izp=-3,ozp=24,amax=5,epilogue=bias") == "dense 1x2x3 i8 bias");
  CHECK(
      TaskLabel(
          "conv2d:n=1,h=49,w=10,ci=1,co=64,kh=10,kw=4,stride_h=2,stride_w=1,pad_t=4,pad_l=1,pad_b=5,pad_r=1,"
          "layout=nhwc,dtype=i8,izp=83") == "conv2d 49x10x1->64 10x4 s2x1 p4/1/5/1 nhwc i8");
}

TEST_CASE("TextThatIsNoWorkloadStaysAsItIs") {
  CHECK(TaskLabel("something else") == "something else");
  CHECK(TaskLabel("") == "");
}

TEST_CASE("SpeedIsOfFloatsOrOfIntegers") {
  CHECK(SpeedUnit("dense:m=1,n=2,k=3,dtype=f32") == "GFLOP/s");
  CHECK(SpeedUnit("dense:m=1,n=2,k=3,dtype=i8,izp=3") == "GOP/s");
  CHECK(SpeedUnit(std::vector<std::string>{}) == "GFLOP/s");
  CHECK(SpeedUnit(std::vector<std::string>{"add:n=1,dtype=i8", "softmax:m=1,n=2,dtype=i8"}) == "GOP/s");
  CHECK(SpeedUnit(std::vector<std::string>{"add:n=1,dtype=i8", "dense:m=1,n=2,k=3,dtype=f32"}) ==
        "GFLOP/s or GOP/s");
}

TEST_CASE("ShellWordsAreQuotedOnlyWhenNeeded") {
  CHECK(ShellQuote(kConv) == kConv);
  CHECK(ShellQuote("/home/a b/x.db") == "'/home/a b/x.db'");
  CHECK(ShellQuote("it's") == "'it'\\''s'");
  CHECK(ShellQuote("$HOME") == "'$HOME'");
  CHECK(ShellQuote("") == "''");
}

}  // namespace tunefarm::cli
