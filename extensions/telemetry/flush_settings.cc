#include "extensions/telemetry/flush_settings.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace mayfly::telemetry {
namespace {

using core::Errc;
using core::fail;
using std::chrono::milliseconds;
using Kind = FlushSettings::Kind;

struct Form {
  std::string_view word;
  Kind kind;
  milliseconds otherwise, least, most;
  std::string_view range;
};
constexpr milliseconds kQuarter{15 * 60'000};
constexpr Form kForms[] = {
    {"end", Kind::end, milliseconds{200}, milliseconds{0}, milliseconds{2'000}, "0ms..2s"},
    {"periodic", Kind::periodic, milliseconds{20'000}, milliseconds{100}, kQuarter, "100ms..15m"},
    {"continuous", Kind::continuous, milliseconds{1'000}, milliseconds{100}, kQuarter, "100ms..15m"},
    {"adaptive", Kind::adaptive, milliseconds{10'000}, milliseconds{0}, kQuarter, "0ms..15m"},
};

std::optional<milliseconds> parse_time(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > 1'000'000'000) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit == "ms") return milliseconds(number);
  if (unit == "s") return milliseconds(number * 1'000);
  if (unit == "m") return milliseconds(number * 60'000);
  return std::nullopt;
}

}  // namespace

core::Outcome<FlushSettings> parse_flush(std::string_view text) {
  auto word = text.substr(0, text.find(':'));
  auto form = std::ranges::find(kForms, word, &Form::word);
  if (form == std::end(kForms)) {
    return fail(Errc::parse, "\"" + std::string(word) + "\" is none of end, periodic, continuous, adaptive");
  }
  if (word.size() == text.size()) return FlushSettings{form->kind, form->otherwise};
  auto given = text.substr(word.size() + 1);
  auto time = parse_time(given);
  if (!time) return fail(Errc::parse, "\"" + std::string(given) + "\" is not a time as 200ms, 10s or 5m");
  if (*time < form->least || *time > form->most) {
    return fail(Errc::out_of_range, std::string(text) + " is not in " + std::string(form->range));
  }
  return FlushSettings{form->kind, *time};
}

}  // namespace mayfly::telemetry
