// Any text, read as an event type that has every kind of member. What reads must
// write, and what was written must read as the same.

#include <cstdint>
#include <map>
#include <string>

#include <mayfly/json.h>

#include "tests/fuzz/check.h"

namespace json = mayfly::json;

namespace {

enum class Currency { chf, eur, usd };

struct Item {
  std::string sku;
  std::int16_t quantity;
  double price;
};

struct Order {
  std::string id;
  std::vector<Item> items;
  std::optional<std::string> note;
  bool paid;
  Currency currency;
  std::map<std::string, std::vector<std::uint8_t>> tags;
  std::array<float, 2> place;
};

}  // namespace

// By hand, because Clang 14 cannot find the names of members by itself.
template <>
struct json::fields<Item> {
  static constexpr std::array<std::string_view, 3> names{"sku", "quantity", "price"};
};
template <>
struct json::fields<Order> {
  static constexpr std::array<std::string_view, 7> names{"id", "items", "note", "paid", "currency", "tags", "place"};
};

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  json::Document document;
  // An event may be a lone value, or another kind of one than the handler takes.
  (void)json::parse<bool>(document, text, size);
  (void)json::parse<std::optional<double>>(document, text, size);
  (void)json::parse<Currency>(document, text, size);
  auto order = json::parse<Order>(document, text, size);
  if (!order) {
    FUZZ_CHECK(order.error().path.starts_with('$') && !order.error().message.empty());
    return 0;
  }
  std::string first, second;
  FUZZ_CHECK(json::write(first, *order));
  auto again = json::parse<Order>(document, first, first.size());
  FUZZ_CHECK(again && json::write(second, *again) && first == second);
  return 0;
}
