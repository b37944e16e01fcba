// Content addresses: SHA-256, in lower-case hexadecimal (64 characters).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace tunefarm {

std::string Sha256Hex(absl::string_view bytes);

// True when `text` has the form of a digest. What comes from outside is checked before it names a file.
bool IsDigest(absl::string_view text);

// Feeds pieces; Finish() may be called once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(const void* data, std::size_t size);
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tunefarm
