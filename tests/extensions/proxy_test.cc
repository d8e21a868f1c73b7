#include "extensions/telemetry/proxy.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace mayfly;
using namespace mayfly::telemetry;

TEST_CASE("no_proxy names hosts, domains, addresses, networks and ports") {
  struct Case {
    const char* list;
    const char* host;
    bool listed;
  };
  for (const auto& c : {
           Case{"", "example.com", false},
           Case{"*", "example.com", true},
           Case{"example.com", "example.com", true},
           Case{"example.com", "Api.Example.COM", true},
           Case{"example.com", "notexample.com", false},
           Case{"example.com", "example.com.evil", false},
           Case{".example.com", "api.example.com", true},
           Case{"*.example.com", "api.example.com", true},
           Case{"a.org, example.com", "example.com", true},
           Case{"a.org example.com", "example.com", true},
           Case{"example.com:4318", "example.com", true},
           Case{"example.com:80", "example.com", false},
           Case{"10.0.0.1", "10.0.0.1", true},
           Case{"10.0.0.1", "10.0.0.10", false},
           Case{"10.0.0.0/8", "10.200.3.4", true},
           Case{"10.0.0.0/8", "11.0.0.1", false},
           Case{"10.0.0.0/8", "10.example.com", false},
           Case{"10.0.0.0/33", "10.0.0.0", false},
           Case{"10.0.0.0/x", "10.0.0.0", false},
           Case{"0.0.0.0/0", "8.8.8.8", true},
           Case{"fd00::/8", "fd12::1", true},
           Case{"fd00::/8", "fe80::1", false},
           Case{"::1", "::1", true},
           Case{"[fd12::1]:4318", "fd12::1", true},
           Case{"[fd12::1]:80", "fd12::1", false},
           Case{".", "example.com", false},
           Case{"[", "example.com", false},
           Case{":", "example.com", false},
       }) {
    CAPTURE(c.list);
    CAPTURE(c.host);
    CHECK(is_listed(c.list, {c.host, 4318}) == c.listed);
  }
}

TEST_CASE("each scheme has its proxy, and loopback none") {
  ProxySettings settings{"plain:3128", "http://us%3Aer:p%40ss@secure", "inside.test"};
  auto plain = proxy_for(settings, {"out.test", 80}, false);
  REQUIRE(plain);
  CHECK((*plain)->origin == core::Origin{"plain", 3128});
  CHECK((*plain)->authorization == "");
  auto secure = proxy_for(settings, {"out.test", 443}, true);
  REQUIRE(secure);
  CHECK((*secure)->origin == core::Origin{"secure", 80});
  CHECK((*secure)->authorization == "Basic dXM6ZXI6cEBzcw==");
  for (const char* host : {"inside.test", "localhost", "127.0.0.1", "::1"}) {
    auto none = proxy_for(settings, {host, 443}, true);
    REQUIRE(none);
    CHECK_FALSE(*none);
  }
}

TEST_CASE("a proxy that is none is refused without its password") {
  for (const char* url :
       {"https://u:hunter2@proxy:1", "socks5://u:hunter2@proxy:1", "http://u:hunter2@", "http://u:hunter2%@proxy"}) {
    auto proxy = proxy_for({"", url, ""}, {"out.test", 443}, true);
    REQUIRE_FALSE(proxy);
    CHECK(proxy.error().message.starts_with("the proxy variables: "));
    CHECK(proxy.error().message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("the lower-case variable comes first, and all_proxy last") {
  std::map<std::string, const char*> variables{{"HTTPS_PROXY", "upper"}, {"ALL_PROXY", "all"}, {"NO_PROXY", ""}};
  auto environment = [&](const char* name) { return variables[name]; };
  CHECK(read_proxy_settings(environment).for_https == "upper");
  CHECK(read_proxy_settings(environment).for_http == "all");
  CHECK(read_proxy_settings(environment).none_for == "");
  variables["https_proxy"] = "lower";
  CHECK(read_proxy_settings(environment).for_https == "lower");
}
