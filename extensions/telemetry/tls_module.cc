#include "extensions/telemetry/tls_module.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <mutex>
#include <string>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Outcome;

constexpr char kName[] = "/libmayfly-tls.so";

std::string program() {
  char path[PATH_MAX];
  auto n = readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : std::string();
}

// "/opt/extensions/mayfly-telemetry" -> "/opt/lib/mayfly"
std::string folder_beside(std::string path) {
  for (int up = 0; up < 2; ++up) path.resize(std::min(path.find_last_of('/'), path.size()));
  return path + "/lib/mayfly";
}

// In a user namespace, root's files belong to nobody; whoever owns the program
// could have replaced that as well.
bool is_trusted(const struct stat& file) {
  struct stat own {};
  bool known_owner =
      file.st_uid == 0 || file.st_uid == geteuid() || (stat("/proc/self/exe", &own) == 0 && file.st_uid == own.st_uid);
  return known_owner && (file.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Outcome<const mayfly_tls_functions*> open_from(const std::string& folder) {
  auto path = folder + kName;
  struct stat in {
  }, file{};
  if (stat(path.c_str(), &file) != 0 || stat(folder.c_str(), &in) != 0)
    return fail(Errc::not_found, path + " is not there");
  if (!S_ISREG(file.st_mode) || !is_trusted(file) || !is_trusted(in)) {
    return fail(Errc::refused,
                path + " is not opened: it or its folder belongs to somebody else, or others can write to it");
  }
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!module) return fail(Errc::refused, std::string("the TLS module cannot be loaded: ") + dlerror());
  auto entry = reinterpret_cast<mayfly_tls_entry>(dlsym(module, MAYFLY_TLS_ENTRY));
  const auto* functions = entry ? entry() : nullptr;
  if (!functions || functions->version != MAYFLY_TLS_VERSION) {
    return fail(Errc::refused, path + " is of another version of Mayfly");
  }
  return functions;
}

}  // namespace

Outcome<const mayfly_tls_functions*> tls_module() {
  static std::mutex mutex;
  static const mayfly_tls_functions* opened = nullptr;
  std::lock_guard lock(mutex);
  if (opened) return opened;
  std::string places[] = {folder_beside(program()), "/opt/lib/mayfly"};
  for (const auto& folder : places) {
    auto module = open_from(folder);
    if (module) return opened = *module;
    if (module.error().code != Errc::not_found) return module;
  }
  return fail(Errc::not_found, "TLS needs libmayfly-tls.so, which is neither in " + places[0] + " nor in " + places[1]);
}

}  // namespace mayfly::telemetry
