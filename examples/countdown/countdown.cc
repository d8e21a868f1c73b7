// A page that its reader sees grow: streamed, and ended in time.

#include <mayfly/http.h>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

void countdown(const mayfly::Context& context, mayfly::http::Writer& page) {
  page.head({.headers = {{"content-type", "text/plain"}}});
  auto stop = context.stop_token(500ms);  // before the deadline
  for (int n = 10; n > 0; --n) {
    if (stop.stop_requested()) throw mayfly::Error("Countdown.Held", "no time for more than " + std::to_string(10 - n));
    if (!(page << std::to_string(n) << '\n')) return;  // nobody reads on
    std::this_thread::sleep_for(200ms);
  }
  page << "lift-off\n";
}

int main() { return mayfly::run(countdown); }
