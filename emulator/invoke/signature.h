// Whether a request is signed as AWS wants it: Signature Version 4 with
// AWS4-HMAC-SHA256 [A], in the Authorization field or in the query of a presigned
// URL. The refusals have the service's types and texts [B], so that a developer
// sees here what the cloud would say, down to the canonical request.
//
// [A] AWS IAM User Guide, "AWS Signature Version 4 for API requests", read 2026-11.
// [B] answers of AWS services quoted in public issues; all of them come with 403.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "emulator/invoke/raw_request.h"

namespace mayfly::emulator {

// A secret: never logged, never in a command line.
struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: none, and then a request must have none
};

struct SignatureFault {
  std::string type;  // InvalidSignatureException, ...
  std::string message;
};

// An Authorization field may have so many bytes.
inline constexpr std::size_t kMaxAuthorizationBytes = 8 * 1024;

// Why the request is not to be served; nothing when `credentials` have signed it
// for `region` and the service `lambda`, within 5 minutes of `now` (a presigned
// URL: within its time). The payload counts as it is: Lambda takes no
// UNSIGNED-PAYLOAD. The time this takes does not depend on what is wrong with key,
// token or signature.
std::optional<SignatureFault> signature_fault(const RawRequest& request, const Credentials& credentials,
                                              std::string_view region, core::WallTime now);

// The other side: adds X-Amz-Date, X-Amz-Security-Token when there is one, and the
// Authorization that signs them with all fields that are there already, each name
// once and Host among them. `request.fields` is not looked at.
void sign(std::vector<std::pair<std::string, std::string>>& fields, RawRequest request, const Credentials& credentials,
          std::string_view region, core::WallTime now);

}  // namespace mayfly::emulator
