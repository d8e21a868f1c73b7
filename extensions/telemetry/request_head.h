// The heads of a destination's requests: what is the same in each of them, and
// the secrets that its headers and targets refer to.
//
// Thread-safety: one thread at a time.

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/failure.h"
#include "extensions/telemetry/batch.h"
#include "extensions/telemetry/destination_settings.h"
#include "extensions/telemetry/secrets.h"

namespace mayfly::telemetry {

class RequestHead {
 public:
  using Targets = std::array<std::string, kSignals>;

  // `host`: the value of Host. `secrets` must outlive it and may be null;
  // references are errors of prepare() then, as malformed ones are.
  RequestHead(Encoding encoding, std::string_view host, const Targets& targets,
              const std::vector<HeaderSetting>& headers, Secrets* secrets);

  bool has_references() const { return has_references_; }

  // Before text(): puts the secrets in place, the first time and, `fresh`, when a
  // backend has refused those that were there. Errors: those of Secrets.
  core::Outcome<void> prepare(bool fresh, core::Deadline deadline);

  // Up to and with the empty line. `coding`: of the content, or empty.
  Secret text(Signal signal, std::string_view coding, std::size_t content_length) const;

 private:
  struct Field {
    std::string name;
    SecretText value;
  };
  SecretText parse(std::string_view text);
  core::Outcome<void> resolve(core::Deadline deadline);

  std::array<SecretText, kSignals> targets_;
  std::vector<Field> fields_;
  std::string fixed_;  // header lines that are the same in each request
  Secrets* const secrets_;
  bool has_references_ = false;
  std::string malformed_;  // why it can never be prepared

  bool prepared_ = false;
  std::array<Secret, kSignals> resolved_targets_;
  Secret resolved_fields_;
};

}  // namespace mayfly::telemetry
