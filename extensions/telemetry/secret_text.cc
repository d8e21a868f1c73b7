#include "extensions/telemetry/secret_text.h"

#include <algorithm>
#include <utility>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using core::Outcome;
using Source = SecretReference::Source;

constexpr std::pair<std::string_view, Source> kSources[] = {{"secretsmanager", Source::secrets_manager},
                                                            {"ssm", Source::parameter},
                                                            {"kms", Source::kms},
                                                            {"file", Source::file}};
constexpr std::size_t kQuoted = 32;

Outcome<SecretReference> parse_reference(std::string_view text) {
  auto colon = text.find(':');
  auto word = text.substr(0, colon);
  const auto* source = std::ranges::find(kSources, word, &std::pair<std::string_view, Source>::first);
  if (colon == text.npos || source == std::end(kSources)) {
    bool is_word = word.size() <= kQuoted &&
                   std::ranges::all_of(word, [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; });
    return fail(Errc::parse, (is_word ? "${" + std::string(word) + "…}" : "\"${…}\"") +
                                 " is none of ${secretsmanager:…}, ${ssm:…}, ${kms:…}, ${file:…}");
  }
  SecretReference reference{source->second, std::string(text.substr(colon + 1)), {}};
  if (reference.source == Source::secrets_manager) {
    if (auto hash = reference.id.rfind('#'); hash != std::string::npos) {
      reference.key = reference.id.substr(hash + 1);
      reference.id.resize(hash);
      if (reference.key.empty()) return fail(Errc::parse, "${secretsmanager:…#}: the key behind '#' is missing");
    }
  }
  if (reference.id.empty()) return fail(Errc::parse, "${" + std::string(word) + ":}: the name is missing");
  if (reference.source == Source::file && reference.id[0] != '/')
    return fail(Errc::parse, "${file:…}: the path must be absolute");
  return reference;
}

}  // namespace

std::string SecretReference::name() const {
  const auto* word = std::ranges::find(kSources, source, &std::pair<std::string_view, Source>::second);
  auto text = "${" + std::string(word->first) + ":";
  if (source == Source::kms) return text + "…}";
  return text + id + (key.empty() ? "" : "#" + key) + "}";
}

Outcome<SecretText> parse_secret_text(std::string_view text) {
  SecretText parsed;
  for (;;) {
    auto begin = text.find("${");
    if (begin == text.npos) {
      parsed.rest = text;
      return parsed;
    }
    auto end = text.find('}', begin);
    if (end == text.npos) return fail(Errc::parse, "\"${\" without \"}\"");
    auto reference = parse_reference(text.substr(begin + 2, end - begin - 2));
    if (!reference) return unexpected(reference.error());
    parsed.parts.push_back({std::string(text.substr(0, begin)), std::move(*reference)});
    text.remove_prefix(end + 1);
  }
}

}  // namespace mayfly::telemetry
