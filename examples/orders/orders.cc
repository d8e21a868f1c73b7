// Two typed functions in one program: `price` answers a shop's orders, `import`
// runs when a file with orders is put into an S3 bucket. The variable _HANDLER,
// the handler setting of the function, chooses.

#include <mayfly/log.h>
#include <mayfly/runtime.h>

namespace {

// ---- price: {"id":"a1","items":[{"sku":"tea","quantity":2,"unit_price":4.5}]}

struct Item {
  std::string_view sku;
  int quantity;
  double unit_price;
};

struct Order {
  std::string_view id;
  std::vector<Item> items;
  std::optional<double> discount;  // 0.1: a tenth off
};

struct Receipt {
  std::string_view order;
  int pieces;
  double total;
};

Receipt price(const Order& order, mayfly::Context& context) {
  Receipt receipt{order.id, 0, 0};
  for (const auto& item : order.items) {
    if (item.quantity < 1) {
      throw mayfly::Error("Order.Invalid", "the quantity of " + std::string(item.sku) + " is " +
                                               std::to_string(item.quantity) + ", it must be positive");
    }
    receipt.pieces += item.quantity;
    receipt.total += item.quantity * item.unit_price;
  }
  receipt.total *= 1 - order.discount.value_or(0);
  mayfly::log.info("priced", {{"order", order.id}, {"total", receipt.total}, {"left_ms", context.remaining().count()}});
  return receipt;
}

// ---- import: S3's event; only the members that are wanted have to be named

struct S3Bucket {
  std::string_view name;
};
struct S3Object {
  std::string_view key;
  std::optional<std::int64_t> size;  // absent when an object was removed
};
struct S3Entity {
  S3Bucket bucket;
  S3Object object;
};
struct S3Record {
  std::string_view eventName;
  S3Entity s3;
};
struct S3Event {
  std::vector<S3Record> Records;
};

struct Imported {
  int files = 0;
  std::int64_t bytes = 0;
};

// An error as a value does what a thrown one does.
mayfly::Result<Imported> import(const S3Event& event) {
  Imported imported;
  for (const auto& record : event.Records) {
    if (!record.eventName.starts_with("ObjectCreated")) {
      return mayfly::unexpected(
          mayfly::Error("Import.WrongEvent", "not a new object: " + std::string(record.eventName)));
    }
    ++imported.files;
    imported.bytes += record.s3.object.size.value_or(0);
    mayfly::log.info("imported", {{"bucket", record.s3.bucket.name}, {"key", record.s3.object.key}});
  }
  return imported;
}

}  // namespace

int main() { return mayfly::run({{"price", price}, {"import", import}}); }
