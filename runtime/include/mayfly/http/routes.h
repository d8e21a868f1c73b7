// A router: which handler for which method and path.
//
//   int main() {
//     return mayfly::run(http::routes(http::get("/notes/{id}", show),
//                                     http::post("/notes", add)));
//   }
//
// A pattern is a literal, looked at when it is compiled. {name} stands for one
// part of a path, not empty; {name+}, at the end, for all that is left, at least
// one part. What request.param("name") gives. Where several patterns fit a path, the one with
// a literal part where the others have {name} is taken, whatever the order of
// the list. A slash at the end of a path does not count.
//
// No pattern fits: 404; only with another method: 405 with the header allow. GET
// answers HEAD. Both answers are {"message":"..."}.
//
// A handler takes (), (const Request&) or (const Request&, Context&), and gives a
// Response; a Result<Response>, whose error is the function's, as an exception is:
// 502 for the client; void, 204; text; or anything that json() takes.

#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <mayfly/context.h>
#include <mayfly/http/request.h>
#include <mayfly/http/response.h>
#include <mayfly/runtime/handler.h>

namespace mayfly::http {

namespace detail {

// Called, and never defined: the message of a pattern that does not compile.
void a_pattern_begins_with_a_slash_or_a_dollar_sign();
void a_pattern_has_an_empty_part();
void a_name_in_a_pattern_is_a_whole_part_in_braces();
void only_the_last_part_of_a_pattern_may_end_in_plus();

constexpr bool is_name(std::string_view part) {
  return part.size() > 2 && part.front() == '{' && part.back() == '}' &&
         part.substr(1, part.size() - 2).find_first_of("{}") == part.npos && part != "{+}";
}
constexpr bool is_rest(std::string_view part) { return is_name(part) && part[part.size() - 2] == '+'; }

struct Call {
  virtual ~Call() = default;
  virtual Result<Response> operator()(const Request& request, Context& context) = 0;
};

template <class T>
Result<Response> to_response(T result) {
  if constexpr (std::same_as<T, Response>) {
    return Result<Response>(std::move(result));
  } else if constexpr (runtime::detail::is_result<T>) {
    if (!result) return unexpected(std::move(result).error());
    if constexpr (std::is_void_v<typename T::value_type>) {
      return Response{204, {}, {}, {}};
    } else {
      return to_response(*std::move(result));
    }
  } else if constexpr (std::constructible_from<std::string, T> && !std::is_arithmetic_v<T>) {
    return http::text(std::string(std::move(result)));
  } else {
    return http::json(result);
  }
}

template <class F>
struct CallOf final : Call {
  explicit CallOf(F f) : callable(std::move(f)) {}

  Result<Response> operator()(const Request& request, Context& context) override {
    if constexpr (std::is_invocable_v<F&, const Request&, Context&>) {
      return answer([&]() -> decltype(auto) { return callable(request, context); });
    } else if constexpr (std::is_invocable_v<F&, const Request&>) {
      return answer([&]() -> decltype(auto) { return callable(request); });
    } else {
      return answer([&]() -> decltype(auto) { return callable(); });
    }
  }

  template <class Run>
  Result<Response> answer(Run run) {
    if constexpr (std::is_void_v<std::invoke_result_t<Run>>) {
      run();
      return Response{204, {}, {}, {}};
    } else {
      return to_response<std::remove_cvref_t<std::invoke_result_t<Run>>>(run());
    }
  }

  F callable;
};

template <class F>
concept RouteHandler = std::is_invocable_v<F&, const Request&, Context&> || std::is_invocable_v<F&, const Request&> ||
                       std::is_invocable_v<F&>;

}  // namespace detail

class Pattern {
 public:
  template <std::size_t N>
  consteval Pattern(const char (&literal)[N]) : text(literal, N - 1) {
    if (text.empty() || (text[0] != '/' && text[0] != '$')) detail::a_pattern_begins_with_a_slash_or_a_dollar_sign();
    auto rest = text.substr(1);
    while (!rest.empty()) {
      auto part = rest.substr(0, rest.find('/'));
      bool last = part.size() == rest.size();
      rest.remove_prefix(last ? part.size() : part.size() + 1);
      if (part.empty() || (!last && rest.empty())) detail::a_pattern_has_an_empty_part();
      if (part.find_first_of("{}") != part.npos && !detail::is_name(part)) {
        detail::a_name_in_a_pattern_is_a_whole_part_in_braces();
      }
      if (detail::is_rest(part) && !last) detail::only_the_last_part_of_a_pattern_may_end_in_plus();
    }
  }

  std::string_view text;
};

struct Route {
  std::string_view method;  // empty: any
  std::string_view pattern;
  std::unique_ptr<detail::Call> call;
};

// A handler of HTTP events. Move-only; owns its handlers.
class Routes {
 public:
  template <std::same_as<Route>... R>
  explicit Routes(R... route) {
    routes_.reserve(sizeof...(R));
    (routes_.push_back(std::move(route)), ...);
    sort();
  }

  Result<Response> operator()(const Request& request, Context& context);

 private:
  void sort();

  std::vector<Route> routes_;  // the most literal patterns first
};

template <std::same_as<Route>... R>
Routes routes(R... route) {
  return Routes(std::move(route)...);
}

// `method` is a literal, or lives as long as the routes.
template <class F>
Route route(std::string_view method, Pattern pattern, F handler) {
  static_assert(
      detail::RouteHandler<F>,
      "mayfly: a route's handler takes (), (const http::Request&) or (const http::Request&, mayfly::Context&)");
  if constexpr (detail::RouteHandler<F>) {
    return {method, pattern.text, std::make_unique<detail::CallOf<F>>(std::move(handler))};
  } else {
    return {};
  }
}

template <class F>
Route get(Pattern pattern, F handler) {
  return route("GET", pattern, std::move(handler));
}
template <class F>
Route post(Pattern pattern, F handler) {
  return route("POST", pattern, std::move(handler));
}
template <class F>
Route put(Pattern pattern, F handler) {
  return route("PUT", pattern, std::move(handler));
}
template <class F>
Route patch(Pattern pattern, F handler) {
  return route("PATCH", pattern, std::move(handler));
}
template <class F>
Route del(Pattern pattern, F handler) {
  return route("DELETE", pattern, std::move(handler));
}
template <class F>
Route any(Pattern pattern, F handler) {
  return route("", pattern, std::move(handler));
}

}  // namespace mayfly::http
