// The manual pages, in roff for man(7). Pure functions of the option table.

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

struct ManPage {
  std::string_view name;  // "mayfly-run"
  int section;            // 1, or 5 for files
  std::string_view word;  // behind `mayfly man`; empty: none
};

std::span<const ManPage> man_pages();

// Of the page with that word; empty when there is none.
std::string man_page(std::string_view word);

}  // namespace mayfly::emulator::cli
