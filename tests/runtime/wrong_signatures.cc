// Programs that must not compile; see wrong_signatures.cmake.

#include <mayfly/runtime.h>
#include <mayfly/stream.h>

struct Event {
  int n;
};
class NoJson {
  [[maybe_unused]] int hidden;

 public:
  explicit NoJson(int n) : hidden(n) {}
};

#if CASE == 1
// CASE 1: mayfly: a handler is a function, or an object with one operator() that is no template
int main() {
  return mayfly::run([](auto event) { return event; });
}
#elif CASE == 2
// CASE 2: mayfly: a handler is a function, or an object with one operator() that is no template
int main() { return mayfly::run(5); }
#elif CASE == 3
// CASE 3: mayfly: a handler takes (event, mayfly::Context&, mayfly::Writer&), of which any may be left out
int main() {
  return mayfly::run([](mayfly::Context&, Event) {});
}
#elif CASE == 4
// CASE 4: mayfly: a handler takes (event, mayfly::Context&, mayfly::Writer&), of which any may be left out
int main() {
  return mayfly::run([](Event, Event, mayfly::Context&) {});
}
#elif CASE == 5
// CASE 5: mayfly: an event is std::string_view (its bytes) or a type with a JSON form, such as an aggregate
int main() {
  return mayfly::run([](const NoJson&) {});
}
#elif CASE == 6
// CASE 6: mayfly: a handler returns void, std::string or std::string_view (the bytes), a type with a JSON form
int main() {
  return mayfly::run([] { return NoJson(1); });
}
#elif CASE == 7
// CASE 7: mayfly: run<App>() constructs an App without arguments
struct App {
  explicit App(int) {}
  void operator()() {}
};
int main() { return mayfly::run<App>(); }
#elif CASE == 8
// CASE 8: mayfly: an event is std::string_view (its bytes) or a type with a JSON form, such as an aggregate
int main() {
  return mayfly::run({{"orders", [](Event) {}}, {"other", [](int*) {}}});
}
#elif CASE == 9
// CASE 9: mayfly: a handler takes (event, mayfly::Context&, mayfly::Writer&), of which any may be left out
int main() {
  return mayfly::run([](Event, mayfly::Writer&, mayfly::Context&) {});
}
#elif CASE == 10
// CASE 10: mayfly: a handler takes (event, mayfly::Context&, mayfly::Writer&), of which any may be left out
int main() {
  return mayfly::run([](const mayfly::Writer&) {});
}
#elif CASE == 11
// CASE 11: mayfly: a handler that answers through a Writer& returns void or mayfly::Result<void>
int main() {
  return mayfly::run([](Event event, mayfly::Writer&) { return event; });
}
#endif
