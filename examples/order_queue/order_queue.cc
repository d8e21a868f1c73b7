// Orders from an SQS queue. A message whose handler fails comes again, and only
// it: the answer names it.

#include <mayfly/batch.h>
#include <mayfly/events/sqs.h>
#include <mayfly/log.h>
#include <mayfly/runtime.h>

namespace {

struct Order {
  std::string_view id;
  int quantity;
};

struct Shop {
  mayfly::json::Document document;  // kept, so that its memory is

  void place(const mayfly::sqs::Message& message) {
    auto order = mayfly::json::parse<Order>(document, message.body, message.body.size());
    if (!order) throw mayfly::Error("Order.Unreadable", order.error().to_string());
    if (order->quantity < 1) throw mayfly::Error("Order.Invalid", "quantity must be positive");
    mayfly::log.info("placed", {{"order", order->id}, {"quantity", order->quantity}});
  }
};

}  // namespace

int main() {
  Shop shop;
  return mayfly::run(mayfly::each([&](const mayfly::sqs::Message& message) { shop.place(message); }));
}
