#include "emulator/invoke/signature.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <tuple>
#include <utility>
#include <vector>

#include "core/uri.h"
#include "emulator/identifiers.h"
#include "emulator/invoke/sha256.h"

namespace mayfly::emulator {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kService = "lambda";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::chrono::minutes kWindow{5};
constexpr int kMaxExpirySeconds = 7 * 24 * 3600;

// Where the signature of a request is and what it says of itself.
struct Claim {
  bool presigned = false;
  std::string credential, signed_headers, signature, date, token, expires;
  // The parts of `credential`:
  std::string_view key, scope_date, region, service, terminator;

  std::string_view scope() const { return std::string_view(credential).substr(key.size() + 1); }
};

SignatureFault incomplete(std::string message) { return {"IncompleteSignatureException", std::move(message)}; }
SignatureFault invalid(std::string message) { return {"InvalidSignatureException", std::move(message)}; }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

// Calls visit(part) for what stands between the separators.
template <class Visit>
void each_part(std::string_view text, char separator, Visit visit) {
  for (;;) {
    auto end = text.find(separator);
    visit(text.substr(0, end));
    if (end == text.npos) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view field(const RawRequest& request, std::string_view name) {
  auto found =
      std::ranges::find_if(request.fields, [&](const auto& one) { return core::same_field_name(one.name, name); });
  return found == request.fields.end() ? std::string_view() : found->value;
}

std::string encoded(std::string_view text, bool slashes_too) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                 c == '.' || c == '~' || (c == '/' && !slashes_too);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Pairs query_pairs(std::string_view query) {
  Pairs pairs;
  each_part(query, '&', [&](std::string_view pair) {
    if (pair.empty()) return;
    auto equals = pair.find('=');
    auto value = equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    pairs.emplace_back(core::form_decode(pair.substr(0, equals)), core::form_decode(value));
  });
  return pairs;
}

// Without dot segments and repeated slashes, and encoded once more: for all
// services but S3 a path is encoded twice [A].
std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> segments;
  each_part(path, '/', [&](std::string_view segment) {
    if (segment.empty() || segment == ".") return;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  });
  std::string out;
  for (auto segment : segments) out += "/" + std::string(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return encoded(out, false);
}

std::string canonical_query(const Pairs& query) {
  Pairs sorted;
  for (const auto& [name, value] : query) {
    if (name != "X-Amz-Signature") sorted.emplace_back(encoded(name, true), encoded(value, true));
  }
  std::ranges::sort(sorted);
  std::string out;
  for (const auto& [name, value] : sorted) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

// Without blanks around it and with single ones inside.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (char c : value) {
    bool blank = c == ' ' || c == '\t';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string canonical_request(const RawRequest& request, const Pairs& query, const Claim& claim) {
  std::string out(request.method);
  out += "\n" + canonical_path(request.path) + "\n" + canonical_query(query) + "\n";
  each_part(claim.signed_headers, ';', [&](std::string_view name) {
    std::string values;
    bool first = true;
    for (const auto& one : request.fields) {
      if (!core::same_field_name(one.name, name)) continue;
      values += (std::exchange(first, false) ? "" : ",") + canonical_value(one.value);
    }
    out += std::string(name) + ":" + values + "\n";
  });
  return out + "\n" + claim.signed_headers + "\n" + hex(sha256(request.body));
}

std::string text_to_sign(const Claim& claim, std::string_view canonical) {
  return std::string(kAlgorithm) + "\n" + claim.date + "\n" + std::string(claim.scope()) + "\n" +
         hex(sha256(canonical));
}

Digest signature_of(std::string_view secret, const Claim& claim, std::string_view text) {
  Digest key = hmac_sha256("AWS4" + std::string(secret), claim.scope_date);
  for (auto part : {claim.region, claim.service, claim.terminator, text}) key = hmac_sha256(bytes_of(key), part);
  return key;
}

bool same_text(std::string_view a, std::string_view b) { return same_digest(sha256(a), sha256(b)); }

// "Credential=..., SignedHeaders=..., Signature=...": what is not there stays empty.
void read_authorization(std::string_view text, Claim& claim) {
  each_part(text, ',', [&](std::string_view part) {
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    for (auto [name, to] : {std::pair<std::string_view, std::string*>{"Credential=", &claim.credential},
                            {"SignedHeaders=", &claim.signed_headers},
                            {"Signature=", &claim.signature}}) {
      if (part.starts_with(name)) *to = part.substr(name.size());
    }
  });
}

std::optional<SignatureFault> read_field_claim(const RawRequest& request, std::string_view text, Claim& claim) {
  if (text.size() > kMaxAuthorizationBytes) {
    return incomplete("The Authorization header has " + std::to_string(text.size()) + " bytes, " +
                      std::to_string(kMaxAuthorizationBytes) + " are allowed.");
  }
  auto scheme = text.substr(0, text.find(' '));
  if (scheme.starts_with("AWS4") && scheme != kAlgorithm) {
    return incomplete("Unsupported AWS 'algorithm': " + quoted(scheme) + " (only AWS4-HMAC-SHA256 for now). ");
  }
  if (scheme == kAlgorithm && scheme.size() < text.size()) read_authorization(text.substr(scheme.size() + 1), claim);
  claim.date = field(request, "X-Amz-Date");
  if (claim.date.empty()) claim.date = field(request, "Date");
  claim.token = field(request, "X-Amz-Security-Token");
  std::string missing;
  if (claim.credential.empty()) missing += "Authorization header requires 'Credential' parameter. ";
  if (claim.signature.empty()) missing += "Authorization header requires 'Signature' parameter. ";
  if (claim.signed_headers.empty()) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  if (claim.date.empty()) {
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing.empty()) return std::nullopt;
  return incomplete(
      missing + "(Hashed with SHA-256 and encoded with Base64) Authorization=" + base64_encode(bytes_of(sha256(text))));
}

std::optional<SignatureFault> read_query_claim(const Pairs& query, Claim& claim) {
  std::string algorithm;
  claim.presigned = true;
  claim.expires = "300";
  for (const auto& [name, value] : query) {
    for (auto [known, to] : {std::pair<std::string_view, std::string*>{"X-Amz-Algorithm", &algorithm},
                             {"X-Amz-Credential", &claim.credential},
                             {"X-Amz-SignedHeaders", &claim.signed_headers},
                             {"X-Amz-Signature", &claim.signature},
                             {"X-Amz-Date", &claim.date},
                             {"X-Amz-Expires", &claim.expires},
                             {"X-Amz-Security-Token", &claim.token}}) {
      if (name == known) *to = value;
    }
  }
  if (algorithm != kAlgorithm) {
    return incomplete("Unsupported AWS 'algorithm': " + quoted(algorithm) + " (only AWS4-HMAC-SHA256 for now). ");
  }
  std::string missing;
  for (auto [name, value] : {std::pair<const char*, const std::string&>{"X-Amz-Credential", claim.credential},
                             {"X-Amz-Signature", claim.signature},
                             {"X-Amz-SignedHeaders", claim.signed_headers},
                             {"X-Amz-Date", claim.date}}) {
    if (value.empty()) missing += "AWS query-string parameters must include " + quoted(name) + ". ";
  }
  if (missing.empty()) return std::nullopt;
  return incomplete(std::move(missing) + "Re-examine the query-string parameters.");
}

// AKID/20260101/us-east-1/lambda/aws4_request
std::optional<SignatureFault> split_credential(Claim& claim) {
  std::vector<std::string_view> parts;
  each_part(claim.credential, '/', [&](std::string_view part) { parts.push_back(part); });
  if (parts.size() != 5) {
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got " +
        quoted(claim.credential));
  }
  std::tie(claim.key, claim.scope_date, claim.region, claim.service, claim.terminator) =
      std::tie(parts[0], parts[1], parts[2], parts[3], parts[4]);
  return std::nullopt;
}

std::optional<SignatureFault> scope_fault(const Claim& claim, std::string_view region) {
  std::string wrong;
  auto add = [&](const std::string& sentence) { wrong += (wrong.empty() ? "" : " ") + sentence; };
  if (claim.region != region) add("Credential should be scoped to a valid region, not " + quoted(claim.region) + ".");
  if (claim.service != kService) add("Credential should be scoped to correct service: 'lambda'.");
  if (claim.terminator != kTerminator) {
    add("Credential should be scoped with a valid terminator: 'aws4_request', not " + quoted(claim.terminator) + ".");
  }
  if (auto day = claim.date.substr(0, 8); claim.scope_date != day) {
    add("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
        quoted(claim.scope_date) + " != " + quoted(day) + ", from " + quoted(claim.date) + ".");
  }
  if (wrong.empty()) return std::nullopt;
  return invalid(std::move(wrong));
}

std::optional<SignatureFault> headers_fault(const RawRequest& request, const Claim& claim) {
  auto is_signed = [&](std::string_view name) {
    bool found = false;
    each_part(claim.signed_headers, ';', [&](std::string_view one) { found |= one == name; });
    return found;
  };
  if (!is_signed("host")) return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  for (const auto& one : request.fields) {
    auto name = core::lower_case(one.name);
    if (name.starts_with("x-amz-") && !is_signed(name)) {
      return invalid(quoted(name) + " must be a 'SignedHeader' in the AWS Authorization.");
    }
  }
  return std::nullopt;
}

// "20150830T123600Z"
std::optional<core::WallTime> read_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  std::string extended(text);
  for (std::size_t colon : {13, 11}) extended.insert(colon, ":");
  for (std::size_t dash : {6, 4}) extended.insert(dash, "-");
  core::WallTime out;
  return core::parse_rfc3339(extended, out) ? std::optional(out) : std::nullopt;
}

std::string date_text(core::WallTime time) {
  auto text = core::rfc3339(time).substr(0, 19) + "Z";
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::optional<SignatureFault> time_fault(const Claim& claim, core::WallTime now) {
  auto date = read_date(claim.date);
  if (!date) {
    return incomplete("Date must be in ISO-8601 'basic format'. Got " + quoted(claim.date) +
                      ". See http://en.wikipedia.org/wiki/ISO_8601");
  }
  if (*date > now + kWindow) {
    return invalid("Signature not yet current: " + claim.date + " is still later than " + date_text(now + kWindow) +
                   " (" + date_text(now) + " + 5 min.)");
  }
  std::chrono::seconds life = kWindow;
  std::string life_text = "5 min.";
  if (claim.presigned) {
    int seconds = 0;
    const char* end = claim.expires.data() + claim.expires.size();
    auto read = std::from_chars(claim.expires.data(), end, seconds);
    if (read.ec != std::errc{} || read.ptr != end || seconds < 1 || seconds > kMaxExpirySeconds) {
      return incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800. Got " + quoted(claim.expires));
    }
    life = std::chrono::seconds(seconds);
    life_text = claim.expires + " sec.";
  }
  if (*date < now - life) {
    return invalid("Signature expired: " + claim.date + " is now earlier than " + date_text(now - life) + " (" +
                   date_text(now) + " - " + life_text + ")");
  }
  return std::nullopt;
}

}  // namespace

std::optional<SignatureFault> signature_fault(const RawRequest& request, const Credentials& credentials,
                                              std::string_view region, core::WallTime now) {
  auto query = query_pairs(request.query);
  auto authorization = field(request, "Authorization");
  bool presigned = authorization.empty() &&
                   std::ranges::any_of(query, [](const auto& pair) { return pair.first == "X-Amz-Algorithm"; });
  if (authorization.empty() && !presigned) {
    return SignatureFault{"MissingAuthenticationTokenException", "Missing Authentication Token"};
  }
  Claim claim;
  auto fault = presigned ? read_query_claim(query, claim) : read_field_claim(request, authorization, claim);
  if (!fault) fault = split_credential(claim);
  if (!fault) fault = time_fault(claim, now);
  if (!fault) fault = scope_fault(claim, region);
  if (!fault) fault = headers_fault(request, claim);
  if (fault) return fault;

  // All three are looked at, whatever the first ones say.
  auto canonical = canonical_request(request, query, claim);
  auto to_sign = text_to_sign(claim, canonical);
  bool known = same_text(claim.key, credentials.access_key_id) && !claim.key.empty();
  bool token = same_text(claim.token, credentials.session_token);
  bool sound = same_text(claim.signature, hex(signature_of(credentials.secret_access_key, claim, to_sign)));
  if (!known || !token) {
    return SignatureFault{"UnrecognizedClientException", "The security token included in the request is invalid."};
  }
  if (sound) return std::nullopt;
  return invalid(
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
      "and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request "
      "should have been\n'" +
      canonical + "'\n\nThe String-to-Sign should have been\n'" + to_sign + "'\n");
}

void sign(Pairs& fields, RawRequest request, const Credentials& credentials, std::string_view region,
          core::WallTime now) {
  Claim claim;
  claim.date = date_text(now);
  claim.credential = credentials.access_key_id + "/" + claim.date.substr(0, 8) + "/" + std::string(region) + "/" +
                     std::string(kService) + "/" + std::string(kTerminator);
  split_credential(claim);
  fields.emplace_back("X-Amz-Date", claim.date);
  if (!credentials.session_token.empty()) fields.emplace_back("X-Amz-Security-Token", credentials.session_token);
  request.fields.clear();
  std::vector<std::string> names;
  for (const auto& [name, value] : fields) {
    request.fields.push_back({name, value});
    names.push_back(core::lower_case(name));
  }
  std::ranges::sort(names);
  for (const auto& name : names) claim.signed_headers += (claim.signed_headers.empty() ? "" : ";") + name;
  auto canonical = canonical_request(request, query_pairs(request.query), claim);
  auto signature = signature_of(credentials.secret_access_key, claim, text_to_sign(claim, canonical));
  fields.emplace_back("Authorization", std::string(kAlgorithm) + " Credential=" + claim.credential +
                                           ", SignedHeaders=" + claim.signed_headers + ", Signature=" + hex(signature));
}

}  // namespace mayfly::emulator
