#include "fault.h"

#include <ctime>

namespace storm {
namespace {

constexpr std::array<std::string_view, kFaults> kNames{
    "none",         "reset_before",   "reset_in_body", "reset_after",      "close_after",
    "cut_in_head",  "cut_in_body",    "trickle",       "silence",          "garbage",
    "endless_head", "slow",           "interim",       "chunked",          "html",
    "partial_none", "partial_some",   "partial_more",  "partial_negative", "then_close",
    "later",        "server_error",   "client_error",  "unauthorized",     "redirect",
    "too_large",    "too_large_early"};

std::string http_date(std::time_t at, const char* format = "%a, %d %b %Y %H:%M:%S GMT") {
  char text[64];
  struct tm parts {};
  gmtime_r(&at, &parts);
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

// Mostly short: what is waited for costs the storm its time.
std::string retry_after(Dice& dice) {
  auto now = std::time(nullptr);
  switch (between(dice, 0, 9)) {
    case 0: return "Retry-After: 1\r\n";
    case 1: return "Retry-After: 0\r\n";
    case 2: return "Retry-After: -5\r\n";
    case 3: return "Retry-After: soon\r\n";
    case 4: return "Retry-After: \r\n";
    case 5: return "Retry-After: " + http_date(now - 3600) + "\r\n";
    case 6: return "Retry-After: " + http_date(now + 1) + "\r\nDate: " + http_date(now) + "\r\n";
    // A clock an hour ahead: only the difference counts.
    case 7:
      return "Retry-After: " + http_date(now + 3601, "%A, %d-%b-%y %H:%M:%S GMT") +
             "\r\nDate: " + http_date(now + 3600) + "\r\n";
    case 8: return "Retry-After: 1e99\r\n";
    default: return "";
  }
}

}  // namespace

std::string_view to_string(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

FaultMix FaultMix::drawn(Dice& dice) {
  FaultMix mix;
  constexpr double kRates[] = {0, 0.1, 0.3, 0.7};
  mix.rate_ = kRates[between(dice, 0, 3)];
  for (std::size_t i = 1; i < kFaults; ++i) {
    if (chance(dice, 0.3)) mix.sum_ += mix.weights_[i] = static_cast<unsigned>(between(dice, 1, 5));
  }
  return mix;
}

Fault FaultMix::draw(Dice& dice) const {
  if (sum_ == 0 || !chance(dice, rate_)) return Fault::none;
  auto at = between(dice, 0, sum_ - 1);
  std::size_t i = 0;
  while (at >= weights_[i]) at -= weights_[i++];
  return static_cast<Fault>(i);
}

std::string FaultMix::text() const {
  if (sum_ == 0 || rate_ == 0) return "none";
  std::string out = std::to_string(static_cast<int>(rate_ * 100)) + " %:";
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (weights_[i] > 0) out.append(" ").append(kNames[i]).append(" ").append(std::to_string(weights_[i]));
  }
  return out;
}

std::string drawn_status(Fault fault, Dice& dice) {
  auto one_of = [&](std::initializer_list<const char*> all) {
    return std::string(all.begin()[between(dice, 0, all.size() - 1)]);
  };
  switch (fault) {
    case Fault::later:
      return one_of({"429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"}) +
             "\r\n" + retry_after(dice);
    case Fault::server_error:
      return one_of({"500 Internal Server Error", "501 Not Implemented", "505 Version"}) + "\r\n";
    case Fault::client_error:
      return one_of({"400 Bad Request", "404 Not Found", "415 Unsupported Media Type", "422 No"}) + "\r\n";
    case Fault::unauthorized: return one_of({"401 Unauthorized", "403 Forbidden"}) + "\r\n";
    case Fault::redirect:
      return one_of({"301 Moved", "302 Found", "307 Elsewhere", "308 Elsewhere"}) +
             "\r\nLocation: http://127.0.0.1:1/\r\n";
    default: return "413 Content Too Large\r\n";
  }
}

}  // namespace storm
