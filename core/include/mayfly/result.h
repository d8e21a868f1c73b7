// A value or an error, for everything that an input, a peer or the network can
// make fail. What is here is named as in C++23's std::expected, so that a later
// move to it is an alias. GCC 12 offers std::expected under -std=c++23 only, and a
// type that changed with the language mode of the including file would break
// programs that mix modes, hence one type for all.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace mayfly {

template <class E>
class unexpected {
 public:
  constexpr explicit unexpected(E error) : error_(std::move(error)) {}
  constexpr const E& error() const& noexcept { return error_; }
  constexpr E& error() & noexcept { return error_; }
  constexpr E&& error() && noexcept { return std::move(error_); }

 private:
  E error_;
};

template <class T, class E>
class expected;

namespace detail {
template <class>
inline constexpr bool is_expected = false;
template <class T, class E>
inline constexpr bool is_expected<expected<T, E>> = true;
template <class>
inline constexpr bool is_unexpected = false;
template <class E>
inline constexpr bool is_unexpected<unexpected<E>> = true;
}  // namespace detail

// Holds a T or an E. Accessing the wrong one is undefined through operator* and
// error(), and throws std::bad_variant_access through value(). and_then(),
// transform() and transform_error() move out of a temporary: `read().transform(f)`.
template <class T, class E>
class [[nodiscard]] expected {
 public:
  using value_type = T;
  using error_type = E;

  constexpr expected()
    requires std::is_default_constructible_v<T>
      : state_(std::in_place_index<0>) {}

  template <class U = T>
    requires(std::is_constructible_v<T, U> && !detail::is_expected<std::remove_cvref_t<U>> &&
             !detail::is_unexpected<std::remove_cvref_t<U>>)
  constexpr explicit(!std::is_convertible_v<U, T>) expected(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  template <class G>
    requires std::is_constructible_v<E, G>
  constexpr expected(unexpected<G> error) : state_(std::in_place_index<1>, std::move(error).error()) {}

  constexpr bool has_value() const noexcept { return state_.index() == 0; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  constexpr T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  constexpr const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  constexpr T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  constexpr T* operator->() noexcept { return std::get_if<0>(&state_); }
  constexpr const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  constexpr T& value() & { return std::get<0>(state_); }
  constexpr const T& value() const& { return std::get<0>(state_); }
  constexpr T&& value() && { return std::get<0>(std::move(state_)); }
  template <class U>
  constexpr T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

  constexpr E& error() & noexcept { return *std::get_if<1>(&state_); }
  constexpr const E& error() const& noexcept { return *std::get_if<1>(&state_); }
  constexpr E&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  template <class F>
  constexpr auto and_then(F&& next) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return unexpected<E>(std::move(error()));
    return std::invoke(std::forward<F>(next), std::move(**this));
  }
  template <class F>
  constexpr auto transform(F&& change) && -> expected<std::invoke_result_t<F, T&&>, E> {
    if (!has_value()) return unexpected<E>(std::move(error()));
    return std::invoke(std::forward<F>(change), std::move(**this));
  }
  template <class F>
  constexpr auto transform_error(F&& change) && -> expected<T, std::invoke_result_t<F, E&&>> {
    using G = std::invoke_result_t<F, E&&>;
    if (!has_value()) return unexpected<G>(std::invoke(std::forward<F>(change), std::move(error())));
    return std::move(**this);
  }

 private:
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] expected<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  constexpr expected() = default;
  template <class G>
    requires std::is_constructible_v<E, G>
  constexpr expected(unexpected<G> error) : error_(std::move(error).error()) {}

  constexpr bool has_value() const noexcept { return !error_.has_value(); }
  constexpr explicit operator bool() const noexcept { return has_value(); }
  constexpr void operator*() const noexcept {}
  constexpr E& error() & noexcept { return *error_; }
  constexpr const E& error() const& noexcept { return *error_; }
  constexpr E&& error() && noexcept { return std::move(*error_); }

  template <class F>
  constexpr auto transform_error(F&& change) && -> expected<void, std::invoke_result_t<F, E&&>> {
    using G = std::invoke_result_t<F, E&&>;
    if (!has_value()) return unexpected<G>(std::invoke(std::forward<F>(change), std::move(error())));
    return {};
  }

 private:
  std::optional<E> error_;
};

}  // namespace mayfly
