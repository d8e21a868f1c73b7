#include "extensions/telemetry/secrets.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace mayfly::telemetry {
namespace {

using core::Deadline;
using core::Errc;
using core::fail;
using core::Outcome;

constexpr std::chrono::minutes kRenewInterval{1};
constexpr std::size_t kMaxFileBytes = 64 * 1024;

// Of one secret in its source, whatever part of it is asked for.
std::string identity(const SecretReference& reference) {
  return std::to_string(static_cast<int>(reference.source)) + reference.id;
}

Outcome<Secret> read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(Errc::not_found, std::strerror(errno));
  char bytes[kMaxFileBytes + 1];
  ssize_t n = read(fd, bytes, sizeof bytes);
  int error = errno;
  close(fd);
  if (n < 0) return fail(Errc::refused, std::strerror(error));
  std::string_view text(bytes, static_cast<std::size_t>(n));
  bool too_long = text.size() > kMaxFileBytes;
  std::string_view line = text;
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  Secret secret(line);
  wipe(text);
  if (too_long) return fail(Errc::out_of_range, "over 65536 bytes");
  return secret;
}

}  // namespace

class Secrets::Turn {
 public:
  Turn(Secrets& secrets, Deadline deadline) : secrets_(secrets) {
    std::unique_lock lock(secrets_.mutex_);
    auto is_free = [&] { return !secrets_.busy_; };
    if (deadline.is_never()) {
      secrets_.free_.wait(lock, is_free);
      mine_ = true;
    } else {
      mine_ = secrets_.free_.wait_for(lock, deadline.remaining(), is_free);
    }
    if (mine_) secrets_.busy_ = true;
  }
  ~Turn() {
    if (!mine_) return;
    secrets_.aws_.close_connections();
    std::lock_guard lock(secrets_.mutex_);
    secrets_.busy_ = false;
    secrets_.free_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool mine() const { return mine_; }

 private:
  Secrets& secrets_;
  bool mine_ = false;
};

Secrets::Secrets(const AwsSettings& settings, ProxySettings proxies, bool allow_dumps)
    : aws_(settings, std::move(proxies)), allow_dumps_(allow_dumps) {}

Outcome<Secret> Secrets::resolve(const SecretText& text, Deadline deadline) {
  Secret resolved;
  if (text.has_references()) {
    Turn turn(*this, deadline);
    if (!turn.mine()) return fail(Errc::timeout, "secrets are being fetched");
    for (const auto& part : text.parts) {
      const auto& reference = part.reference;
      auto& held = held_[identity(reference)];
      if (held.value.empty()) {
        auto value = fetch(reference, deadline);
        if (!value) return fail(value.error().code, reference.name() + ": " + value.error().message);
        held.value = std::move(*value);
      }
      resolved.append(part.literal);
      if (reference.key.empty()) {
        resolved.append(held.value.reveal());
        continue;
      }
      auto member = member_of(held.value, reference.key);
      if (!member) return fail(member.error().code, reference.name() + ": " + member.error().message);
      resolved.append(member->reveal());
    }
  }
  resolved.append(text.rest);
  return resolved;
}

void Secrets::renew(const SecretText& text, Deadline deadline) {
  if (!text.has_references()) return;
  Turn turn(*this, deadline);
  if (!turn.mine()) return;
  for (const auto& part : text.parts) {
    auto& held = held_[identity(part.reference)];
    auto now = core::wall_now();
    if (held.renewed && now >= *held.renewed && now - *held.renewed < kRenewInterval) continue;
    held.renewed = now;
    if (auto value = fetch(part.reference, deadline)) held.value = std::move(*value);
  }
}

Outcome<Secret> Secrets::fetch(const SecretReference& reference, Deadline deadline) {
  bool is_file = reference.source == SecretReference::Source::file;
  auto value = is_file ? read_file(reference.id) : aws_.fetch(reference, deadline);
  if (value && value->empty()) return fail(Errc::out_of_range, "it is empty");
  if (value) forbid_dumps();
  return value;
}

void Secrets::forbid_dumps() {
  if (allow_dumps_) return;
  prctl(PR_SET_DUMPABLE, 0);
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

}  // namespace mayfly::telemetry
