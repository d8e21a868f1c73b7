// The raw form at its least: what benchmarks measure.

#include <mayfly/runtime.h>

static std::string_view echo(std::string_view event) { return event; }

int main() { return mayfly::run(echo); }
