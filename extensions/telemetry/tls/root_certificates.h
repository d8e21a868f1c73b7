// The certificates of a CA file, each parsed when a chain asks for it.
//
// A bundle has 144 roots and a process needs one or two. To parse them all takes
// OpenSSL 3.0 20 ms of CPU (280 ms of a 128 MB function's life); to find where
// each lies and what its subject is, 1.3 ms.

#pragma once

#include <openssl/x509.h>

#include <string>

namespace mayfly::tls {

// How many certificates `file` holds; they are offered to whoever verifies by
// `store`, which must not outlive the process. Zero: no certificate, or no file;
// `why` says what.
std::size_t offer_roots(X509_STORE* store, const std::string& file, std::string& why);

}  // namespace mayfly::tls
