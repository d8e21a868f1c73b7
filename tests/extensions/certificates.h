// A certificate authority of the test's own, made with the openssl command, and
// certificates that it signs. All for one process; removed with it.

#pragma once

#include <string>

struct Certificate {
  std::string file;  // PEM
  std::string key;
};

// The authority that clients are told to trust, and one that they are not.
std::string trusted_ca();
std::string other_ca();

// For localhost, backend.test and 127.0.0.1.
Certificate good_certificate();
Certificate other_good_certificate();  // another key
Certificate expired_certificate();
Certificate certificate_of_another_name();
Certificate certificate_of_another_ca();
