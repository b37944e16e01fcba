#include "base/digest.h"

#include "tests/catch.h"

namespace tunefarm {

// The test vectors of FIPS 180-2, appendix B.
TEST_CASE("Sha256MatchesThePublishedVectors") {
  CHECK(Sha256Hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256Hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("Sha256InPiecesIsThatOfTheWhole") {
  Sha256 sha;
  sha.Update("a", 1);
  sha.Update("bc", 2);
  CHECK(sha.FinishHex() == Sha256Hex("abc"));
}

TEST_CASE("OnlySixtyFourLowerCaseHexDigitsAreADigest") {
  CHECK(IsDigest(Sha256Hex("x")));
  CHECK_FALSE(IsDigest(""));
  CHECK_FALSE(IsDigest("../../etc/passwd"));
  std::string upper = Sha256Hex("x");
  upper[0] = 'A';
  CHECK_FALSE(IsDigest(upper));
  CHECK_FALSE(IsDigest(Sha256Hex("x") + "0"));
}

}  // namespace tunefarm
