// JSON to and from plain C++ types.
//
// | JSON          | C++                                                          |
// |---------------|--------------------------------------------------------------|
// | string        | std::string; std::string_view (into the event); an enum by    |
// |               | the names of its enumerators of the values 0 .. 127           |
// | number        | any integer or floating-point type; out of range is an error  |
// | true, false   | bool                                                          |
// | null          | an empty std::optional, in both directions                    |
// | array         | std::vector; std::array, with exactly its number of elements  |
// | object        | an aggregate; a map from std::string; json::Members           |
// | anything      | json::Raw: the text as it stands; a type with a json::form    |
//
// An aggregate has up to 48 members, and neither a base class nor a C array.
// The members' names are the JSON's; json::fields in <mayfly/json/reflect.h>
// gives others. Reading one: unknown names are skipped, of equal names the last
// counts, and every member must be there but a std::optional, which keeps its
// initializer (json::fields can ask for fewer). The first fault ends it and
// carries its path.

#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <mayfly/json/reflect.h>
#include <mayfly/json/value.h>
#include <mayfly/json/writer.h>

namespace mayfly::json {

// JSON text that is neither looked into nor changed. Read: a view into the
// document. Written: must be valid JSON.
struct Raw {
  std::string_view text;
};

// Specialise it for a type whose JSON is none of the above:
//
//   template <>
//   struct mayfly::json::form<Celsius> {
//     static Status read(Value& value, Celsius& out, Fault& where) {
//       return read_as<double>(value, out.degrees, where);
//     }
//     static bool write(Writer& writer, const Celsius& value, Fault& where);
//   };
//
// read(): a Status other than ok comes with where.message; write(): so does false.
template <class T>
struct form;

// What has a JSON form of its own, within the form of another.
template <class T>
Status read_as(Value& value, T& out, Fault& where);
template <class T>
bool write_as(Writer& writer, const T& value, Fault& where);

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T, class A>
inline constexpr bool is_vector<std::vector<T, A>> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
concept StringMap = requires(T map, typename T::mapped_type value) {
  typename T::key_type;
  map.insert_or_assign(std::string(), std::move(value));
  requires std::constructible_from<std::string_view, const typename T::key_type&>;
};

template <class T>
concept HasForm = requires { sizeof(form<T>); };

template <class T>
concept Number = !std::same_as<T, bool> && (std::integral<T> || std::floating_point<T>);

template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, std::string_view>;

template <class>
inline constexpr bool no_json_type = false;

// ---- enumerators by name: 0 .. 127 are looked at

template <auto E>
consteval std::string_view enumerator_name() {
  std::string_view text = pointer_spelling<E>();
  std::size_t end = text.find(';');
  if (end == text.npos) end = text.size() - 1;
  text = text.substr(text.find("Pointer = ") + 10);
  end -= static_cast<std::size_t>(text.data() - pointer_spelling<E>().data());
  text = text.substr(0, end);
  if (text.empty() || text[0] == '(') return {};  // "(Colour)7": no enumerator has this value
  auto colon = text.rfind(':');
  return colon == text.npos ? text : text.substr(colon + 1);
}

template <class E, std::size_t... I>
consteval auto enumerators(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{enumerator_name<static_cast<E>(I)>()...};
}

template <class E>
inline constexpr auto kEnumerators = enumerators<E>(std::make_index_sequence<128>{});

// ---- faults

inline Status fault(Fault& out, Status status, std::string message) {
  out.path.clear();
  out.message = std::move(message);
  return status;
}

inline Status wrong_kind(Fault& out, Value& found, std::string_view wanted) {
  Kind kind = found.kind();
  if (kind == Kind::null && !found.is_null()) return fault(out, Status::malformed, "not valid JSON");
  std::string message = "expected " + std::string(wanted) + ", found ";
  return fault(out, Status::wrong_kind, message + std::string(to_string(kind)));
}

// The paths grow from the leaf to the root while the recursion unwinds, so a
// value without a fault pays nothing for them.
inline Status inside_member(Fault& out, Status status, std::string_view name) {
  if (status != Status::ok) out.path.insert(0, std::string(name)).insert(0, 1, '.');
  return status;
}

inline Status inside_element(Fault& out, Status status, std::size_t index) {
  if (status != Status::ok) out.path.insert(0, "[" + std::to_string(index) + "]");
  return status;
}

inline Status leaf(Fault& out, Status status, Value& value, std::string_view wanted) {
  if (status == Status::ok || status == Status::stopped) return status;
  if (status == Status::wrong_kind) return wrong_kind(out, value, wanted);
  if (status == Status::out_of_range) return fault(out, status, "a number outside the range of its type");
  return fault(out, status, "not valid JSON");
}

template <class T>
Status read(Value& value, T& out, Fault& where);

// ---- reading, by kind of type

template <Number T>
Status read_number(Value& value, T& out, Fault& where) {
  using Wide = std::conditional_t<std::floating_point<T>, double,
                                  std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>;
  if (auto kind = value.kind(); kind != Kind::number) return wrong_kind(where, value, "a number");
  Wide wide{};
  Status status = value.get(wide);
  // simdjson calls 1.5 or -1 "of another type" when an (unsigned) integer is asked for.
  if (status == Status::wrong_kind) return fault(where, status, "expected an integer within the range of its type");
  if (status == Status::malformed) return fault(where, status, "not a valid number, or one too large");
  if (status != Status::ok) return leaf(where, status, value, "a number");
  if constexpr (std::floating_point<T>) {
    if (std::abs(wide) > std::numeric_limits<T>::max()) return leaf(where, Status::out_of_range, value, "a number");
  } else {
    if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) {
      return fault(where, Status::out_of_range,
                   std::to_string(wide) + " is outside " + std::to_string(std::numeric_limits<T>::min()) + ".." +
                       std::to_string(std::numeric_limits<T>::max()));
    }
  }
  out = static_cast<T>(wide);
  return Status::ok;
}

template <class E>
Status read_enum(Value& value, E& out, Fault& where) {
  std::string_view name;
  if (Status s = value.get(name); s != Status::ok) return leaf(where, s, value, "a string");
  for (std::size_t i = 0; i < kEnumerators<E>.size(); ++i) {
    if (!name.empty() && kEnumerators<E>[i] == name) {
      out = static_cast<E>(i);
      return Status::ok;
    }
  }
  std::string known;
  for (auto e : kEnumerators<E>) {
    if (!e.empty()) known += (known.empty() ? "" : ", ") + std::string(e);
  }
  return fault(where, Status::out_of_range, "\"" + std::string(name) + "\" is none of " + known);
}

template <class T>
Status read_vector(Value& value, T& out, Fault& where) {
  if (value.kind() != Kind::array) return wrong_kind(where, value, "an array");
  out.clear();
  return value.each_element([&](Value& element) {
    std::size_t index = out.size();
    if constexpr (std::same_as<typename T::value_type, bool>) {
      bool b = false;
      Status s = inside_element(where, read(element, b, where), index);
      out.push_back(b);
      return s;
    } else {
      return inside_element(where, read(element, out.emplace_back(), where), index);
    }
  });
}

template <class T>
Status read_array(Value& value, T& out, Fault& where) {
  if (value.kind() != Kind::array) return wrong_kind(where, value, "an array");
  std::size_t count = 0;
  Status status = value.each_element([&](Value& element) {
    std::size_t index = count++;
    if (index >= out.size()) return Status::ok;
    return inside_element(where, read(element, out[index], where), index);
  });
  if (status != Status::ok) return status;
  if (count == out.size()) return Status::ok;
  return fault(where, Status::out_of_range,
               "expected " + std::to_string(out.size()) + " elements, found " + std::to_string(count));
}

template <StringMap T>
Status read_map(Value& value, T& out, Fault& where) {
  if (value.kind() != Kind::object) return wrong_kind(where, value, "an object");
  out.clear();
  return value.each_field([&](std::string_view name, Value& field) {
    typename T::mapped_type member{};
    Status s = inside_member(where, read(field, member, where), name);
    if (s == Status::ok) out.insert_or_assign(typename T::key_type(name), std::move(member));
    return s;
  });
}

template <bool kRequired, class T>
Status read_member(Value& value, T& out, bool& seen, Fault& where) {
  if (seen) out = T{};  // nothing of the same name's earlier value stays
  seen = true;
  if constexpr (!kRequired && !is_optional<T>) {
    if (value.is_null()) return Status::ok;
  }
  return read(value, out, where);
}

template <class T>
Status read_aggregate(Value& value, T& out, Fault& where) {
  if (value.kind() != Kind::object) return wrong_kind(where, value, "an object");
  constexpr auto& names = kNames<T>;
  constexpr std::size_t n = names.size();
  constexpr std::size_t required = required_of<T>();
  auto all = members(out);
  std::array<bool, n + 1> seen{};
  Status status = value.each_field([&]([[maybe_unused]] std::string_view name, [[maybe_unused]] Value& field) {
    Status s = Status::ok;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      static_cast<void>(
          ((name == names[I] ? (s = read_member<(I < required)>(field, std::get<I>(all), seen[I], where), true)
                             : false) ||
           ...));
    }(std::make_index_sequence<n>{});
    return inside_member(where, s, name);
  });
  if (status != Status::ok) return status;
  std::string_view missing;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_cast<void>(((I < required && !seen[I] && !is_optional<std::remove_cvref_t<decltype(std::get<I>(all))>>
                            ? (missing = names[I], true)
                            : false) ||
                       ...));
  }(std::make_index_sequence<n>{});
  if (missing.empty()) return Status::ok;
  return inside_member(where, fault(where, Status::wrong_kind, "a required field is missing"), missing);
}

template <class T>
Status read(Value& value, T& out, Fault& where) {
  if constexpr (HasForm<T>) {
    return form<T>::read(value, out, where);
  } else if constexpr (std::same_as<T, bool>) {
    return leaf(where, value.get(out), value, "a boolean");
  } else if constexpr (Number<T>) {
    return read_number(value, out, where);
  } else if constexpr (Text<T>) {
    std::string_view text;
    Status s = leaf(where, value.get(text), value, "a string");
    if (s == Status::ok) out = T(text);
    return s;
  } else if constexpr (std::is_enum_v<T>) {
    return read_enum(value, out, where);
  } else if constexpr (is_optional<T>) {
    if (value.is_null()) {
      out.reset();
      return Status::ok;
    }
    return read(value, out.emplace(), where);
  } else if constexpr (std::same_as<T, Raw>) {
    return leaf(where, value.raw(out.text), value, "a value");
  } else if constexpr (is_vector<T>) {
    return read_vector(value, out, where);
  } else if constexpr (is_array<T>) {
    return read_array(value, out, where);
  } else if constexpr (StringMap<T>) {
    return read_map(value, out, where);
  } else if constexpr (std::is_aggregate_v<T>) {
    return read_aggregate(value, out, where);
  } else {
    static_assert(no_json_type<T>, "mayfly: this type has no JSON form; see <mayfly/json/typed.h> for those that have");
  }
}

// ---- writing; false: `where` says what and where

template <class T>
bool write(Writer& writer, const T& value, Fault& where);

inline bool write_text(Writer& writer, std::string_view text, Fault& where) {
  if (writer.text(text)) return true;
  where.message = "a string that is not UTF-8";
  return false;
}

template <class T>
bool write_elements(Writer& writer, const T& value, Fault& where) {
  writer.begin_array();
  std::size_t index = 0;
  for (const auto& element : value) {
    if (!write<typename T::value_type>(writer, element, where)) {
      inside_element(where, Status::malformed, index);
      return false;
    }
    ++index;
  }
  writer.end_array();
  return true;
}

template <class T>
bool write_map(Writer& writer, const T& value, Fault& where) {
  writer.begin_object();
  for (const auto& [name, member] : value) {
    if (!is_utf8(name)) {
      where.message = "a name that is not UTF-8";
      return false;
    }
    writer.key(name);
    if (!write(writer, member, where)) {
      inside_member(where, Status::malformed, name);
      return false;
    }
  }
  writer.end_object();
  return true;
}

// True when nothing in a name is to be escaped.
consteval bool is_plain(std::string_view name) {
  for (char c : name) {
    if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') return false;
  }
  return true;
}

template <bool kPlain>
void write_name(Writer& writer, std::string_view name) {
  kPlain ? writer.plain_key(name) : writer.key(name);
}

template <class T>
bool write_aggregate(Writer& writer, const T& value, Fault& where) {
  writer.begin_object();
  constexpr auto& names = kNames<T>;
  auto all = members(value);
  bool good = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return ((write_name<is_plain(kNames<T>[I])>(writer, names[I]),
             write(writer, std::get<I>(all), where) || (inside_member(where, Status::malformed, names[I]), false)) &&
            ...);
  }(std::make_index_sequence<names.size()>{});
  writer.end_object();
  return good;
}

template <class T>
bool write(Writer& writer, const T& value, Fault& where) {
  if constexpr (HasForm<T>) {
    return form<T>::write(writer, value, where);
  } else if constexpr (std::floating_point<T>) {
    if (!std::isfinite(value)) {
      where.message = std::isnan(value) ? "NaN has no JSON form" : "infinity has no JSON form";
      return false;
    }
    writer.value(value);
  } else if constexpr (std::integral<T>) {
    writer.value(value);
  } else if constexpr (Text<T>) {
    return write_text(writer, value, where);
  } else if constexpr (std::is_enum_v<T>) {
    auto index = static_cast<std::size_t>(value);
    if (index >= kEnumerators<T>.size() || kEnumerators<T>[index].empty()) {
      where.message = "an enum value without a name: " + std::to_string(index);
      return false;
    }
    writer.value(kEnumerators<T>[index]);
  } else if constexpr (is_optional<T>) {
    if (value) return write(writer, *value, where);
    writer.null();
  } else if constexpr (std::same_as<T, Raw>) {
    writer.raw(value.text.empty() ? std::string_view("null") : value.text);
  } else if constexpr (is_vector<T> || is_array<T>) {
    return write_elements(writer, value, where);
  } else if constexpr (StringMap<T>) {
    return write_map(writer, value, where);
  } else if constexpr (std::is_aggregate_v<T>) {
    return write_aggregate(writer, value, where);
  } else {
    static_assert(no_json_type<T>, "mayfly: this type has no JSON form; see <mayfly/json/typed.h> for those that have");
  }
  return true;
}

}  // namespace detail

template <class T>
Status read_as(Value& value, T& out, Fault& where) {
  return detail::read(value, out, where);
}
template <class T>
bool write_as(Writer& writer, const T& value, Fault& where) {
  return detail::write(writer, value, where);
}

// Reads the value of a document into `out`, whose members that are not there keep
// what they have.
// Errors: the path of what is wrong, "$" being the whole, and what was expected.
template <class T>
expected<void, Fault> read_into(Value value, T& out) {
  Fault where;
  Status status = detail::read(value, out, where);
  if (status == Status::ok) return {};
  where.path.insert(0, 1, '$');
  if (status == Status::too_deep) where.message = "nested deeper than " + std::to_string(kMaxDepth) + " levels";
  if (where.message.empty()) where.message = "not valid JSON";  // between its values
  return unexpected(std::move(where));
}

template <class T>
expected<T, Fault> read(Value value) {
  expected<T, Fault> out(T{});
  if (auto read = read_into(std::move(value), *out); !read) return unexpected(std::move(read).error());
  return out;
}

// Parses `text` into `out`; views in it live until `document` parses again.
// `capacity`: see Document::parse().
template <class T>
expected<void, Fault> parse_into(Document& document, std::string_view text, std::size_t capacity, T& out) {
  auto value = document.parse(text, capacity);
  if (!value) return unexpected(std::move(value).error());
  auto read = read_into(*value, out);
  if (read && !document.at_end()) return unexpected(Fault{"$", "something follows the JSON value"});
  return read;
}

template <class T>
expected<T, Fault> parse(Document& document, std::string_view text, std::size_t capacity) {
  expected<T, Fault> out(T{});
  if (auto read = parse_into(document, text, capacity, *out); !read) return unexpected(std::move(read).error());
  return out;
}

// Appends `value` to `out`. After a failure `out` holds a broken text.
// Errors: NaN, infinity, strings that are not UTF-8, enum values without a name.
template <class T>
expected<void, Fault> write(std::string& out, const T& value) {
  Writer writer(out);
  Fault where;
  if (detail::write(writer, value, where)) return {};
  where.path.insert(0, 1, '$');
  return unexpected(std::move(where));
}

}  // namespace mayfly::json
