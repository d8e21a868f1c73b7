// Apart from json_writer.cc, so that a program that writes no floating-point
// number does not link std::to_chars(double): 128 KB, and with it libm, which the
// loader would map at every start (0.07 ms). --gc-sections comes too late for the
// latter: what an object file asks for decides which libraries are needed.

#include <charconv>
#include <cmath>

#include <mayfly/json/writer.h>

namespace mayfly::json {
namespace {

template <class T>
void append_number(std::string& out, T n) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, n).ptr;
  out.append(text, end);
}

}  // namespace

Writer& Writer::number(float f) {
  if (!std::isfinite(f)) return null();
  separate();
  append_number(out_, f);
  return *this;
}

Writer& Writer::number(double d) {
  if (!std::isfinite(d)) return null();
  separate();
  append_number(out_, d);
  return *this;
}

}  // namespace mayfly::json
