#include "runtime/bootstrap/shared_object_handler.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>

#include <mayfly/entry_point.h>

#include "core/environment.h"
#include "runtime/src/current_sink.h"
#include "runtime/src/error_json.h"

namespace mayfly::runtime {
namespace {

constexpr std::string_view kDefaultTaskRoot = "/var/task";
constexpr std::string_view kLayerLibraries = "/opt/lib";

struct Name {
  std::string file;
  std::string symbol;
};

bool is_identifier(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  return !text.empty() && kLetters.find(text[0]) != kLetters.npos &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == text.npos;
}

// A part of a path that leads out of the folder it starts in.
bool leads_out(std::string_view path) {
  while (!path.empty()) {
    auto part = path.substr(0, path.find('/'));
    if (part == "..") return true;
    path.remove_prefix(std::min(part.size() + 1, path.size()));
  }
  return false;
}

Name parse_name(std::string_view handler) {
  auto colon = handler.rfind(':');
  auto file = handler.substr(0, colon);
  auto symbol = colon == handler.npos ? std::string_view() : handler.substr(colon + 1);
  if (!file.ends_with(".so") || file.starts_with('/') || leads_out(file) || !is_identifier(symbol)) {
    fail_init("Runtime.InvalidHandler", "the handler '" + std::string(handler) +
                                            "' (_HANDLER) has the form neither of file.so:symbol, with a file "
                                            "inside the function's folder or /opt/lib, nor of exec:./program");
  }
  return {std::string(file), std::string(symbol)};
}

std::string find_file(const std::string& file) {
  std::string task_root(core::env("LAMBDA_TASK_ROOT").value_or(kDefaultTaskRoot));
  std::string looked_at;
  for (const std::string& folder : {task_root, std::string(kLayerLibraries)}) {
    if (!folder.starts_with('/')) {
      fail_init("Runtime.InvalidHandler", "LAMBDA_TASK_ROOT is '" + folder + "', which is no absolute path");
    }
    std::string path = folder + "/" + file;
    if (access(path.c_str(), F_OK) == 0) return path;
    looked_at += (looked_at.empty() ? "" : " and ") + path;
  }
  fail_init("Runtime.HandlerNotFound", "no file '" + file + "' for the handler: looked for " + looked_at);
}

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64: return "x86_64";
    case EM_AARCH64: return "arm64";
    case EM_386: return "32-bit x86";
    case EM_ARM: return "32-bit ARM";
  }
  return "ELF machine " + std::to_string(machine);
}

// dlopen(3) says "wrong ELF class" or "cannot open shared object file" for files
// of another architecture; this says which.
void check_machine(const std::string& path) {
#if defined(__x86_64__)
  constexpr unsigned kHere = EM_X86_64;
#elif defined(__aarch64__)
  constexpr unsigned kHere = EM_AARCH64;
#endif
  Elf64_Ehdr header{};
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_init("Runtime.HandlerNotLoadable", path + " cannot be read: " + std::strerror(errno));
  ssize_t n = read(fd, &header, sizeof header);
  close(fd);
  // e_machine is at the same place in 32-bit files.
  if (n < static_cast<ssize_t>(offsetof(Elf64_Ehdr, e_version)) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    fail_init("Runtime.HandlerNotLoadable", path + " is no shared object (not an ELF file)");
  }
  if (header.e_machine != kHere) {
    fail_init("Runtime.HandlerNotLoadable",
              path + " is for " + machine_name(header.e_machine) + ", and this environment is " + machine_name(kHere));
  }
}

const mayfly_handler* open_entry_point(const std::string& path, const std::string& name) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!object) fail_init("Runtime.HandlerNotLoadable", std::string("the shared object cannot be loaded: ") + dlerror());
  std::string symbol = "mayfly_handler_" + name;
  auto* entry = static_cast<const mayfly_handler*>(dlsym(object, symbol.c_str()));
  if (!entry) {
    fail_init("Runtime.HandlerNotFound", path + " has no handler '" + name + "': looked for the symbol " + symbol +
                                             ", which MAYFLY_HANDLER(" + name + ") exports");
  }
  if (entry->version != MAYFLY_ENTRY_POINT_VERSION || entry->size < sizeof(mayfly_handler)) {
    fail_init("Runtime.HandlerNotLoadable",
              path + ": the handler '" + name + "' has version " + std::to_string(entry->version) +
                  " of the entry point, and this bootstrap needs " + std::to_string(MAYFLY_ENTRY_POINT_VERSION));
  }
  return entry;
}

// The object stays loaded for the life of the process: its code may have
// started threads and registered exit handlers.
struct LoadedHandler {
  const mayfly_handler* entry;
  void* state;
};

std::string_view view(mayfly_bytes bytes) { return {bytes.data, bytes.size}; }

// Our sink as the object sees it. Nothing may be thrown through its frames.
mayfly_sink sink_to(ResponseSink& sink) {
  return {&sink,
          [](void* to, mayfly_bytes response) noexcept { static_cast<ResponseSink*>(to)->respond(view(response)); },
          [](void* to, mayfly_bytes type, mayfly_bytes json) noexcept {
            static_cast<ResponseSink*>(to)->fail(view(type), view(json));
          },
          [](void* to, mayfly_bytes type) noexcept { static_cast<ResponseSink*>(to)->begin(view(type)); },
          [](void* to, mayfly_bytes part) noexcept {
            return static_cast<ResponseSink*>(to)->write(view(part)).has_value() ? 0 : 1;
          },
          [](void* to) noexcept { static_cast<ResponseSink*>(to)->end(); }};
}

void invoke(void* state, const Invocation& invocation, ResponseSink& sink) {
  auto& loaded = *static_cast<LoadedHandler*>(state);
  auto fields = invocation.context.headers();
  mayfly_invocation in{
      {invocation.event.data(), invocation.event.size()}, invocation.event_capacity, fields.data(), fields.size()};
  mayfly_sink out = sink_to(sink);
  loaded.entry->invoke(loaded.state, &in, &out);
}

// Takes what an object reports when its Init fails. It is passed on at once: the
// object may end the process (mayfly::fatal) and not come back.
class InitSink final : public ResponseSink {
 public:
  void respond(std::string_view) override {}
  void begin(std::string_view) override {}
  Result<void> write(std::string_view) override { return {}; }
  void end() override {}
  void fail(std::string_view error_type, std::string_view error_json) override {
    type = error_type;
    json = error_json;
    if (auto* init = CurrentSink::get()) init->fail(type, json);
  }

  std::string type = "Runtime.InitError";
  std::string json = R"({"errorMessage":"the handler's init failed","errorType":"Runtime.InitError","stackTrace":[]})";
};

void before_shutdown(void* state) {
  auto& loaded = *static_cast<LoadedHandler*>(state);
  loaded.entry->before_shutdown(loaded.state);
}

void destroy(void* state) {
  auto* loaded = static_cast<LoadedHandler*>(state);
  if (loaded->entry->free) loaded->entry->free(loaded->state);
  delete loaded;
}

Handler make(const void*) {
  auto handler = core::env("_HANDLER");
  if (!handler)
    fail_init("Runtime.InvalidHandler",
              "_HANDLER is not set: it names the handler, as file.so:symbol or exec:./program");
  Name name = parse_name(*handler);
  std::string path = find_file(name.file);
  check_machine(path);
  const mayfly_handler* entry = open_entry_point(path, name.symbol);

  InitSink error;
  mayfly_sink out = sink_to(error);
  void* state = entry->init(&out);
  if (!state) throw ReportedError(error.type, error.json);
  return {new LoadedHandler{entry, state}, &invoke, entry->before_shutdown ? &before_shutdown : nullptr, &destroy};
}

}  // namespace

HandlerSource shared_object_from_environment() { return {&make, nullptr}; }

}  // namespace mayfly::runtime
