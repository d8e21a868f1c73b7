#include "emulator/cli/elf_file.h"

#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

template <class T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// One library with these versions; `names` is the string table that they are in.
std::string needs(const std::string& names, const std::vector<std::string>& versions) {
  Elf64_Verneed library{};
  library.vn_cnt = static_cast<Elf64_Half>(versions.size());
  library.vn_aux = sizeof library;
  std::string out = bytes_of(library);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    Elf64_Vernaux version{};
    version.vna_name = static_cast<Elf64_Word>(names.find(versions[i]));
    version.vna_next = i + 1 < versions.size() ? sizeof version : 0;
    out += bytes_of(version);
  }
  return out;
}

}  // namespace

TEST_CASE("the newest version of glibc counts, compared as numbers") {
  std::string names = std::string("\0GLIBC_2.4\0GLIBC_2.38\0GLIBC_2.17\0GLIBCXX_3.4.30\0", 45);
  CHECK(newest_glibc(needs(names, {"GLIBC_2.4", "GLIBC_2.38", "GLIBC_2.17"}), names) == 38);
  CHECK(newest_glibc(needs(names, {"GLIBC_2.4"}), names) == 4);
  CHECK(newest_glibc(needs(names, {"GLIBCXX_3.4.30"}), names) == 0);
  std::string relr("\0GLIBC_ABI_DT_RELR\0", 19);
  CHECK(newest_glibc(needs(relr, {"GLIBC_ABI_DT_RELR"}), relr) == 36);
}

TEST_CASE("nonsense instead of versions is no version") {
  std::string names("\0GLIBC_2.38", 11);  // the last string has no end
  auto sound = needs(names, {"GLIBC_2.38"});
  CHECK(newest_glibc(sound, names) == 38);
  CHECK(newest_glibc(sound.substr(0, sound.size() - 1), names) == 0);
  CHECK(newest_glibc(sound, "") == 0);
  CHECK(newest_glibc("", names) == 0);
  // A list that leads back into itself.
  Elf64_Vernaux loop{};
  loop.vna_next = 0xFFFFFFF0;
  auto looped = sound;
  std::memcpy(looped.data() + sizeof(Elf64_Verneed), &loop, sizeof loop);
  CHECK(newest_glibc(looped, names) == 0);
}

TEST_CASE("of a program on this machine") {
  CHECK(needed_glibc("/proc/self/exe") > 0);
  CHECK(needed_glibc("/nowhere") == 0);
  CHECK(needed_glibc("/proc/self") == 0);
  test::Folder folder;
  folder.write("script", "#!/bin/sh\n");
  CHECK(needed_glibc(folder.path / "script") == 0);
  folder.write("half", std::string(ELFMAG) + "\x02\x01");
  CHECK(needed_glibc(folder.path / "half") == 0);
}

}  // namespace mayfly::emulator::cli
