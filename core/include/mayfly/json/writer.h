// Writes JSON text (RFC 8259) into a string, forwards only, without white space.

#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace mayfly::json {

// True when `text` is well-formed UTF-8.
bool is_utf8(std::string_view text);

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8
// become U+FFFD, one for each maximal ill-formed part (Unicode 15, section 3.9),
// so that what comes out is always valid. Returns whether there were none.
bool append_string(std::string& out, std::string_view text);

// Places the commas. The caller keeps begin and end in balance; that is not
// checked. Appends to a string it does not own.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }

  Writer& key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_ += ':';
    first_ = true;
    return *this;
  }

  // `name` has nothing to escape: the name of a member in C++.
  Writer& plain_key(std::string_view name) {
    separate();
    out_.append(1, '"').append(name).append("\":");
    first_ = true;
    return *this;
  }

  Writer& value(std::string_view text) {
    separate();
    append_string(out_, text);
    return *this;
  }
  // The same; false when `text` is not UTF-8 and had to be mended.
  bool text(std::string_view text) {
    separate();
    return append_string(out_, text);
  }
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(std::same_as<bool> auto b) { return raw(b ? "true" : "false"); }
  Writer& value(std::signed_integral auto n) { return number(static_cast<std::int64_t>(n)); }
  Writer& value(std::unsigned_integral auto n)
    requires(!std::same_as<decltype(n), bool>)
  {
    return number(static_cast<std::uint64_t>(n));
  }
  // The shortest text that reads back as the same value of that type (long
  // double is written as double); null for NaN and infinities, which JSON cannot
  // say.
  Writer& value(float f) { return number(f); }
  Writer& value(double d) { return number(d); }
  Writer& value(long double d) { return number(static_cast<double>(d)); }
  Writer& null() { return raw("null"); }

  // A value that is JSON already.
  Writer& raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
  }

  // key() and value() in one.
  template <class T>
  Writer& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  Writer& open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  Writer& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  Writer& number(std::int64_t n);
  Writer& number(std::uint64_t n);
  Writer& number(float f);
  Writer& number(double d);

  std::string& out_;
  bool first_ = true;  // no comma before the next value
};

}  // namespace mayfly::json
