// Error messages about texts that people typed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tunefarm::schedules {

// `message`, then `text` with a caret under byte `position` (0 .. size; size is the end):
//
//   column 8: expected a number for 'm', found 'x'
//     matmul:m=x,n=3
//              ^
//
// One line of at most 100 bytes of the text is shown; bytes that are not printable ASCII appear as '?', so
// that the caret stands right and the message is valid UTF-8 whatever the text is.
std::string PointAt(absl::string_view text, std::size_t position, absl::string_view message);

// `text` in quotes, made printable as above and cut at 40 bytes.
std::string Quoted(absl::string_view text);

// "; did you mean 'conv2d'?" when one of `known` is within two edits (insert, delete, replace) of `word` and
// at least half of the word is right; else empty.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known);

}  // namespace tunefarm::schedules
