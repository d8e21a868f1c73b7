#include "emulator/cli/program.h"
#include "emulator/cli/elf_file.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/cli/listening_ports.h"
#include "folder.h"

namespace mayfly::emulator::cli {
namespace {

using test::Folder;

Decided<void> check(const Folder& folder, const std::string& word, bool is_default = false,
                    std::string_view path = "") {
  Settings settings;
  settings.command = {word};
  settings.task_root = folder.path;
  return check_program(settings, is_default, path);
}

std::string what(const Decided<void>& decided) { return decided ? "" : decided.error().message.what; }

std::string elf(int machine) {
  std::string bytes(
      "\x7f"
      "ELF\x02\x01\x01",
      7);
  bytes.resize(64, '\0');
  bytes[18] = static_cast<char>(machine & 0xff);
  bytes[19] = static_cast<char>(machine >> 8);
  return bytes;
}

}  // namespace

TEST_CASE("a folder without bootstrap has no function to run") {
  Folder folder;
  auto decided = check(folder, "./bootstrap", true);
  REQUIRE_FALSE(decided.has_value());
  CHECK(decided.error().code == kCannotStart);
  CHECK(what(decided) == "no function to run in this folder");
  CHECK(what(check(folder, "./other")) == "there is no program ./other");
}

TEST_CASE("a program that is not executable is named with its mode") {
  Folder folder;
  folder.write("bootstrap", "#!/bin/sh\n", 0644);
  auto decided = check(folder, "./bootstrap", true);
  CHECK(what(decided) == "./bootstrap is not executable (mode 644)");
  CHECK(decided.error().message.try_this == "chmod +x ./bootstrap");
}

TEST_CASE("a program of another machine is told from ELF's header") {
  Folder folder;
  folder.write("bootstrap", elf(0xF3), 0755);  // RISC-V
  CHECK(what(check(folder, "./bootstrap")).starts_with("./bootstrap is a riscv64 program, this machine is "));
  CHECK(elf_machine(elf(183)) == "arm64");
  CHECK(elf_machine(elf(62)) == "x86_64");
  CHECK(elf_machine("#!/bin/sh").empty());
}

TEST_CASE("scripts need their interpreter and Unix line ends") {
  Folder folder;
  folder.write("good", "#!/bin/sh\ntrue\n", 0755);
  folder.write("windows", "#!/bin/sh\r\ntrue\r\n", 0755);
  folder.write("lost", "#!/no/such/shell -x\n", 0755);
  folder.write("text", "true\n", 0755);
  CHECK(check(folder, "./good").has_value());
  CHECK(what(check(folder, "./windows")) == "./windows has Windows line ends");
  CHECK(what(check(folder, "./lost")) == "./lost asks for /no/such/shell, which is not there");
  CHECK(what(check(folder, "./text")) == "./text is neither a Linux program nor a script");
}

TEST_CASE("a word without a slash is looked up in PATH") {
  Folder folder;
  folder.write("app", "#!/bin/sh\n", 0755);
  CHECK(check(folder, "sh", false, "/nowhere:/bin").has_value());
  auto here = check(folder, "app", false, "/bin");
  REQUIRE_FALSE(here.has_value());
  CHECK(here.error().message.try_this == "mayfly run -- ./app");
  CHECK(check(folder, "app", false, folder.path.string()).has_value());
}

TEST_CASE("a folder is no program") {
  Folder folder;
  mkdir((folder.path / "bootstrap").c_str(), 0755);
  CHECK(what(check(folder, "./bootstrap")) == "./bootstrap is not a program");
}

TEST_CASE("who listens on a port is named") {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  CHECK_FALSE(holder_of(ntohs(address.sin_port)).found);
  REQUIRE(listen(fd, 1) == 0);
  auto holder = holder_of(ntohs(address.sin_port));
  CHECK(holder.found);
  CHECK(holder.pid == getpid());
  close(fd);
}

}  // namespace mayfly::emulator::cli
