// Handlers as a shared object with a C++ library of its own.

#include <mayfly/exception.h>
#include <mayfly/log.h>
#include <mayfly/shared_object.h>
#include <mayfly/stream.h>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

struct Order {
  std::string_view id;
  int quantity;
};

struct Receipt {
  std::string_view order;
  double total;
};

[[gnu::noinline]] static Receipt price(const Order& order, mayfly::Context& context) {
  if (order.quantity < 1) throw mayfly::Error("Order.Invalid", "quantity must be positive");
  mayfly::log.info("pricing", {{"request", context.request_id()}});
  return {order.id, 1.5 * order.quantity};
}
MAYFLY_HANDLER(price)

// Thrown inside the C++ library.
static int out_of_range(std::string_view event) { return std::vector<int>(1).at(event.size()); }
MAYFLY_HANDLER(out_of_range)

static std::string_view echo(std::string_view event) { return event; }
MAYFLY_HANDLER(echo)

static void print() { std::printf("printed without a flush"); }
MAYFLY_HANDLER(print)

// Streams its event byte by byte up to a '!', which is an error.
static void letters(std::string_view event, mayfly::Writer& out) {
  out.content_type("text/plain");
  for (char c : event) {
    if (c == '!') throw mayfly::Error("Letters.Loud", "no shouting");
    out << c;
  }
}
MAYFLY_HANDLER(letters)

namespace refunds {
static std::string_view whole(std::string_view) { return "\"all of it\""; }
struct Part {
  std::string_view operator()(std::string_view) { return "\"a part\""; }
};
}  // namespace refunds
MAYFLY_HANDLER(refund_whole, refunds::whole)
MAYFLY_HANDLER(refund_part, refunds::Part)

struct Broken {
  Broken() { throw std::runtime_error("no table name"); }
  void operator()() {}
};
MAYFLY_HANDLER(Broken)

static void give_up() { mayfly::fatal({"Prices.Corrupt", "the price table is damaged"}); }
MAYFLY_HANDLER(give_up)

struct Hopeless {
  Hopeless() { give_up(); }
  void operator()() {}
};
MAYFLY_HANDLER(Hopeless)

struct Ending {
  std::string_view operator()(std::string_view event) { return event; }
  void before_shutdown() { mayfly::log.info("ended"); }
};
MAYFLY_HANDLER(Ending)
