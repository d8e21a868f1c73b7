#include "extensions/telemetry/retry.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace mayfly::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMaxRetryAfter{300'000};
constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kFirstPause{1'000};
constexpr milliseconds kMaxPause{60'000};
constexpr int kAnswersUntilOpen = 3;

std::optional<time_t> parse_http_date(std::string_view text) {
  std::string copy(text);
  for (const char* format : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    struct tm parts {};
    const char* end = strptime(copy.c_str(), format, &parts);
    if (end && *end == '\0') return timegm(&parts);
  }
  return std::nullopt;
}

// Uniform in [low, high].
milliseconds between(milliseconds low, milliseconds high, std::uint64_t random) {
  return low + milliseconds(random % static_cast<std::uint64_t>((high - low).count() + 1));
}

}  // namespace

Verdict verdict(Protocol protocol, int status, bool retry_500) {
  if (status >= 200 && status < 300) return Verdict::delivered;
  if (status == 429 || status == 502 || status == 503 || status == 504) return Verdict::later;
  if (status == 401 || status == 403) return Verdict::credentials;
  if (status == 413) return Verdict::split;
  if (protocol == Protocol::otlp) return retry_500 && status == 500 ? Verdict::later : Verdict::drop;
  bool later = status == 408 || status == 425 || (status >= 500 && status != 501 && status != 505);
  return later ? Verdict::later : Verdict::drop;
}

Place dropped_as(int status) {
  if (status >= 300 && status < 400) return Place::http_3xx;
  return status >= 500 ? Place::http_5xx : Place::http_4xx;
}

std::optional<milliseconds> retry_after(std::string_view field, std::string_view date) {
  if (field.empty()) return std::nullopt;
  std::uint64_t seconds = 0;
  auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), seconds);
  bool number = end == field.data() + field.size();
  if (number && error == std::errc::result_out_of_range) return kMaxRetryAfter;
  if (number && error == std::errc{}) return milliseconds(std::min<std::uint64_t>(seconds, 300) * 1'000);
  auto at = parse_http_date(field);
  if (!at) return std::nullopt;
  auto now = parse_http_date(date).value_or(time(nullptr));
  return milliseconds(std::clamp<std::int64_t>(*at - now, 0, 300) * 1'000);
}

milliseconds elapsed(Moment then, Moment now) {
  auto steady = std::chrono::duration_cast<milliseconds>(now.steady - then.steady);
  auto wall = std::chrono::duration_cast<milliseconds>(now.wall - then.wall);
  return std::max({steady, wall, milliseconds{0}});
}

milliseconds jittered(milliseconds longest, std::uint64_t random) { return between(longest / 2, longest, random); }

milliseconds Breaker::wait(Moment now) const { return std::max(pause_ - elapsed(since_, now), milliseconds{0}); }

void Breaker::no_answer(Moment now, std::uint64_t random) { open(now, random); }

void Breaker::answered_later(Moment now, std::optional<milliseconds> after, std::uint64_t random) {
  if (++answered_ >= kAnswersUntilOpen) {
    open(now, random);
  } else {
    since_ = now;
    pause_ = jittered(kFirstBackoff * (1 << (answered_ - 1)), random);
  }
  if (!after) return;
  pause_ = std::max(pause_, *after);
  if (*after >= kFirstPause) open_ = true;
}

void Breaker::open(Moment now, std::uint64_t random) {
  auto pause = std::min(kFirstPause * (1 << std::min(opened_, 6)), kMaxPause);
  ++opened_;
  open_ = true;
  since_ = now;
  pause_ = between(pause - pause / 5, pause + pause / 5, random);
}

}  // namespace mayfly::telemetry
