// typed_bench sqs|order FILE ROUNDS: how long a typed event takes to read, and an
// order to read and to write again, in this process; the median in ns. The programs
// in rust/ and go/ do the same with what their worlds use.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <mayfly/events/sqs.h>
#include <mayfly/json.h>

using namespace mayfly;

namespace {

struct Item {
  std::string_view sku;
  std::string_view title;
  int quantity;
  double price;
  bool gift;
  std::vector<std::string_view> tags;
};

struct Order {
  std::string_view id;
  std::string_view customer;
  std::optional<std::string_view> note;
  std::vector<Item> items;
};

template <class Work>
void measure(int rounds, Work work) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  std::printf("%.0f\n", times[static_cast<std::size_t>(rounds / 2)]);
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) fail("typed_bench sqs|order FILE ROUNDS");
  std::ifstream in(argv[2], std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::size_t size = text.size();
  text.resize(size + json::Document::kPadding);  // as the runtime's buffer has it
  std::string_view event(text.data(), size);
  json::Document document;
  std::string written;
  std::size_t bytes = 0;
  if (argv[1] == std::string_view("sqs")) {
    measure(std::atoi(argv[3]), [&] {
      auto batch = json::parse<sqs::Event>(document, event, text.size());
      if (!batch) fail(batch.error().to_string());
      for (const auto& message : batch->records) bytes += message.body.size();
    });
  } else {
    measure(std::atoi(argv[3]), [&] {
      auto order = json::parse<Order>(document, event, text.size());
      if (!order) fail(order.error().to_string());
      written.clear();
      if (!json::write(written, *order)) fail("not written");
      bytes += written.size();
    });
  }
  return bytes == 0;
}
