// Why something inside went wrong, sorted by what the caller can do about it.
// (What users report to Lambda is mayfly::Error, in <mayfly/error.h>.)

#pragma once

#include <string>
#include <utility>

#include <mayfly/result.h>

namespace mayfly::core {

enum class Errc {
  unreachable,   // no connection could be made: the request was never sent; retry later
  unanswered,    // the connection ended before any byte of an answer: retry if the request is idempotent
  cut,           // the connection ended inside an answer: the peer has acted on the request
  timeout,       // the deadline passed
  interrupted,   // the wake-up descriptor became readable
  protocol,      // the peer broke the rules of its protocol: do not talk to it on this connection again
  parse,         // an input is not in the form it must have: tell whoever gave it
  out_of_range,  // a value is outside its limits: tell whoever gave it
  not_found,     // what was asked for does not exist
  refused,       // the operating system or the peer said no
};

// `message` names the thing, the value and the limit.
struct Failure {
  Errc code;
  std::string message;
};

template <class T>
using Outcome = expected<T, Failure>;

inline unexpected<Failure> fail(Errc code, std::string message) {
  return unexpected(Failure{code, std::move(message)});
}

}  // namespace mayfly::core
