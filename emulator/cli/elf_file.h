// What an ELF file says about where it can run: for which machine it was built,
// and which version of glibc it asks for [A].
//
// [A] "Linux Standard Base Core Specification 5.0", section 10.7: symbol versioning.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace mayfly::emulator::cli {

// "x86_64", "arm64" ... of an ELF file's first bytes; empty when it is none.
std::string elf_machine(std::string_view first_bytes);

// The minor version of the newest GLIBC_2.x that the file needs; 0 when it needs
// none (a static program, a script) or hides it (no section headers). Of the
// 64-bit little-endian machines that Lambda has.
int needed_glibc(const std::filesystem::path& file);

// The same of the bytes of .gnu.version_r and of its string table.
int newest_glibc(std::string_view version_needs, std::string_view strings);

// What `provided.al2023` has.
inline constexpr int kGlibcOfAl2023 = 34;

}  // namespace mayfly::emulator::cli
