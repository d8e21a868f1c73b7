// A text of the settings with references to secrets in it:
//
//   ${secretsmanager:ARN-or-name}    the whole secret
//   ${secretsmanager:ARN-or-name#key}  a member of the JSON object that it is
//   ${ssm:name}                      a parameter, decrypted
//   ${kms:base64}                    what was encrypted
//   ${file:/path}                    a file's content without the last line break
//
// The rest of the text stands for itself. "${" always begins a reference, so that
// a misspelt one is told and not sent.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/failure.h"

namespace mayfly::telemetry {

struct SecretReference {
  enum class Source { secrets_manager, parameter, kms, file };
  Source source = Source::file;
  std::string id;
  std::string key;  // of a JSON object; empty: all of it

  // As it may be printed; of kms only the beginning.
  std::string name() const;
};

struct SecretText {
  struct Part {
    std::string literal;  // stands before the reference
    SecretReference reference;
  };
  std::vector<Part> parts;
  std::string rest;

  bool has_references() const { return !parts.empty(); }
};

// Errors: Errc::parse, repeating no more than the word behind "${".
core::Outcome<SecretText> parse_secret_text(std::string_view text);

}  // namespace mayfly::telemetry
