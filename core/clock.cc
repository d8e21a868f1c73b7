#include "core/clock.h"

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

namespace mayfly::core {
namespace chrono = std::chrono;

// By hand: it stands in every record and line of a log, and printf takes ten
// times as long.
void write_rfc3339(WallTime t, std::span<char, kRfc3339Size> text) {
  auto ms = chrono::floor<chrono::milliseconds>(t);
  auto day = chrono::floor<chrono::days>(ms);
  chrono::year_month_day date(day);
  chrono::hh_mm_ss time(ms - day);
  std::ranges::copy(std::string_view("0000-00-00T00:00:00.000Z"), text.begin());
  auto put = [&text](std::size_t at, std::size_t digits, std::int64_t number) {
    for (; digits > 0; --digits, number /= 10) text[at + digits - 1] = static_cast<char>('0' + number % 10);
  };
  put(0, 4, int(date.year()));
  put(5, 2, unsigned(date.month()));
  put(8, 2, unsigned(date.day()));
  put(11, 2, time.hours().count());
  put(14, 2, time.minutes().count());
  put(17, 2, time.seconds().count());
  put(20, 3, time.subseconds().count());
}

std::string rfc3339(WallTime t) {
  std::string text(kRfc3339Size, '0');
  write_rfc3339(t, std::span<char, kRfc3339Size>(text));
  return text;
}

namespace {

// Reads exactly `digits` digits at `at`.
bool number(std::string_view text, std::size_t at, std::size_t digits, int& out) {
  if (text.size() < at + digits) return false;
  out = 0;
  for (char c : text.substr(at, digits)) {
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  return true;
}

// "Z", "+hh:mm" or "-hh:mm", and nothing behind it.
bool zone_offset(std::string_view zone, chrono::minutes& out) {
  if (zone == "Z" || zone == "z") {
    out = chrono::minutes{0};
    return true;
  }
  int hours, minutes;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return false;
  if (!number(zone, 1, 2, hours) || !number(zone, 4, 2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  out = (zone[0] == '-' ? -1 : 1) * (chrono::hours(hours) + chrono::minutes(minutes));
  return true;
}

}  // namespace

namespace {

static_assert(std::endian::native == std::endian::little);

// What eight characters must look like: digits where `text` has a '0', and the
// character itself elsewhere.
struct Shape {
  consteval explicit Shape(const char* text) {
    for (int i = 0; i < 8; ++i) {
      literal |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
      if (text[i] == '0') digit |= std::uint64_t{0xFF} << (8 * i);
    }
  }
  std::uint64_t literal = 0;
  std::uint64_t digit = 0;
};

// Eight characters that look as they must.
class Digits {
 public:
  Digits(const char* text, const Shape& shape) {
    std::memcpy(&word_, text, sizeof word_);
    auto difference = word_ ^ shape.literal;
    word_ = difference & shape.digit;
    // 0x30 .. 0x39 differ from '0' by 0 .. 9; 0x76 more and the high bit shows what is beyond.
    constexpr std::uint64_t kBeyondNine = 0x7676767676767676u, kHigh = 0x8080808080808080u;
    wrong_ = (difference & ~shape.digit) | ((word_ | (word_ + kBeyondNine)) & kHigh);
  }
  bool ok() const { return wrong_ == 0; }
  // The digit at `at`, or the two from there on.
  unsigned one(int at) const { return static_cast<unsigned>(word_ >> (8 * at)) & 0xFF; }
  unsigned two(int at) const { return one(at) * 10 + one(at + 1); }

 private:
  std::uint64_t word_;
  std::uint64_t wrong_;
};

// "2022-10-12T00:00:15.064Z", as Lambda and most loggers write it: it stands in
// every record, often twice.
bool parse_plain(std::string_view text, WallTime& out) {
  constexpr Shape kDate("0000-00-"), kTime("00T00:00"), kSeconds(":00.000Z");
  if (text.size() != 24) return false;
  Digits date(text.data(), kDate), time(text.data() + 8, kTime), seconds(text.data() + 16, kSeconds);
  if (!date.ok() || !time.ok() || !seconds.ok()) return false;
  auto year = date.two(0) * 100 + date.two(2);
  auto hour = time.two(3), minute = time.two(6), second = seconds.two(1);
  chrono::year_month_day day{chrono::year(static_cast<int>(year)), chrono::month(date.two(5)),
                             chrono::day(time.two(0))};
  if (!day.ok() || hour > 23 || minute > 59 || second > 60 || year < 1678 || year > 2261) return false;
  auto milliseconds = ((hour * 60 + minute) * 60 + second) * 1000 + seconds.one(4) * 100 + seconds.two(5);
  out = WallTime(chrono::sys_days(day).time_since_epoch() + chrono::milliseconds(milliseconds));
  return true;
}

}  // namespace

bool parse_rfc3339(std::string_view text, WallTime& out) {
  if (parse_plain(text, out)) return true;
  int year, month, day, hour, minute, second;
  if (!number(text, 0, 4, year) || !number(text, 5, 2, month) || !number(text, 8, 2, day) ||
      !number(text, 11, 2, hour) || !number(text, 14, 2, minute) || !number(text, 17, 2, second)) {
    return false;
  }
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return false;
  }
  chrono::year_month_day date{chrono::year(year), chrono::month(unsigned(month)), chrono::day(unsigned(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return false;

  std::size_t at = 19;
  std::int64_t nanos = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t unit = 100'000'000;
    std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      nanos += unit * (text[at] - '0');
    }
    if (at == first) return false;
  }
  chrono::minutes offset;
  if (!zone_offset(text.substr(at), offset)) return false;

  // Outside these years nanoseconds since 1970 overflow 64 bits.
  if (year < 1678 || year > 2261) return false;
  out = WallTime(chrono::sys_days(date).time_since_epoch() + chrono::hours(hour) + chrono::minutes(minute) +
                 chrono::seconds(second) - offset + chrono::nanoseconds(nanos));
  return true;
}

}  // namespace mayfly::core
