// Which known word was meant by a mistyped one.

#pragma once

#include <string_view>
#include <vector>

namespace mayfly::emulator::cli {

// The word of `known` that `typed` was meant to be: at most two insertions,
// deletions, changes or swaps of neighbours away, and less than the word is long.
std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& known);

// Damerau-Levenshtein distance (optimal string alignment).
int typing_distance(std::string_view a, std::string_view b);

}  // namespace mayfly::emulator::cli
