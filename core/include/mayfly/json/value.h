// Reads JSON text as a cursor that moves forwards, without building a tree.
// simdjson does the work behind an opaque type, so that including this header
// costs no compile time and users of the library need no simdjson.
//
// Rules of a forward cursor: read each value at most once, and in the order in
// which it stands in the text. A value that is not read is skipped.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include <mayfly/result.h>

namespace mayfly::json {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

// The name as it appears in messages: "null", "boolean", "number", ...
std::string_view to_string(Kind kind);

// What is wrong with a text or a value, and where: path "$.items[3].price".
struct Fault {
  std::string path;
  std::string message;

  std::string to_string() const { return path + ": " + message; }
};

enum class Status : std::uint8_t {
  ok,
  wrong_kind,    // e.g. a string where a number is wanted
  out_of_range,  // a number that the type cannot hold
  malformed,     // not JSON; nothing behind it can be read
  too_deep,      // arrays and objects in one another, over kMaxDepth
  stopped,       // the visitor asked to stop
};

// Levels of arrays and objects, as many as Lambda itself takes: whoever reads
// recursively needs no more stack for a hostile text than for this.
inline constexpr int kMaxDepth = 1'000;

// A reference to a callable, for the time of one call.
template <class Signature>
class FunctionRef;
template <class R, class... A>
class FunctionRef<R(A...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, A...>)
  FunctionRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))), call_([](void* object, A... a) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(static_cast<A>(a)...);
        }) {}
  R operator()(A... a) const { return call_(object_, static_cast<A>(a)...); }

 private:
  void* object_;
  R (*call_)(void*, A...);
};

// One value of a Document that is being read. Valid until the document parses
// another text; copies point at the same place of the text.
class Value {
 public:
  // Does not count as reading. Errors: malformed gives Kind::null.
  Kind kind();
  bool is_null();

  Status get(bool& out);
  Status get(std::int64_t& out);
  Status get(std::uint64_t& out);
  Status get(double& out);
  // Unescaped. The view lives until the document parses another text; without an
  // escape in it, it is one into the text itself.
  Status get(std::string_view& out);

  // The text of this value as it stands in the document.
  Status raw(std::string_view& out);

  // Calls visit(element) or visit(name, value) for each one in order; a result
  // other than ok ends the iteration and is returned.
  Status each_element(FunctionRef<Status(Value&)> visit);
  Status each_field(FunctionRef<Status(std::string_view, Value&)> visit);

 private:
  friend class Document;
  friend struct ValueAccess;
  alignas(8) std::byte cursor_[32];
  bool is_root_ = false;  // a document that is a single scalar
};

// A parser and its buffers, which are kept from text to text: after the largest
// one, parsing allocates nothing. Thread-safety: one thread at a time.
class Document {
 public:
  Document();
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // At least this many bytes behind a text must be readable to parse in place.
  static constexpr std::size_t kPadding = 64;

  // `text` must stay unchanged while values are read. `capacity` is the number
  // of readable bytes at text.data(); when it is less than text.size() +
  // kPadding, the text is copied. Errors: not UTF-8, not JSON (as far as the
  // structure shows: what is never read is not fully checked).
  expected<Value, Fault> parse(std::string_view text, std::size_t capacity);
  expected<Value, Fault> parse(std::string_view text) { return parse(text, text.size()); }

  // After all was read: true when nothing but white space follows the value.
  // False when nothing was parsed.
  bool at_end();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mayfly::json
