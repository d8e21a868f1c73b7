// The secrets that requests carry: fetched when the first request needs one,
// never before the first `next`, kept, and fetched anew when a backend refuses
// them. What several texts refer to is fetched once. A secret that cannot be
// fetched anew keeps its old value.
//
// While one is held the process gives no core dump, and no other process of the
// same user reads its memory (PR_SET_DUMPABLE), unless `allow_dumps`.
//
// Thread-safety: any thread; one fetches while others wait, to their deadlines.

#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/failure.h"
#include "extensions/telemetry/aws_secrets.h"
#include "extensions/telemetry/secret.h"
#include "extensions/telemetry/secret_text.h"

namespace mayfly::telemetry {

class Secrets {
 public:
  // `settings` must outlive it.
  Secrets(const AwsSettings& settings, ProxySettings proxies, bool allow_dumps);

  // `text` with its secrets in place. Errors name the reference and what its
  // service said of it; timeout when `deadline` passes first.
  core::Outcome<Secret> resolve(const SecretText& text, core::Deadline deadline);

  // A backend refuses what `text` became: fetches its secrets anew, each once a
  // minute at most. What fails keeps its value.
  void renew(const SecretText& text, core::Deadline deadline);

 private:
  struct Held {
    Secret value;
    std::optional<core::WallTime> renewed;
  };
  class Turn;  // one caller's time alone with what is held

  core::Outcome<Secret> fetch(const SecretReference& reference, core::Deadline deadline);
  void forbid_dumps();

  AwsSecrets aws_;
  const bool allow_dumps_;

  std::mutex mutex_;
  std::condition_variable free_;
  bool busy_ = false;  // with mutex_; aws_ and held_ belong to whoever set it
  std::map<std::string, Held> held_;
};

}  // namespace mayfly::telemetry
