#include "core/uri.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::literals;
using mayfly::core::Origin;
using mayfly::core::parse_host_port;
using mayfly::core::parse_uri;
using mayfly::core::percent_decode;

namespace {

// "scheme userinfo host:port target", or the message.
std::string uri(std::string_view text) {
  auto parsed = parse_uri(text);
  if (!parsed) return "fault: " + parsed.error().message;
  return parsed->scheme + " " + parsed->userinfo + " " + parsed->origin.host_port() + " " + parsed->target;
}

}  // namespace

TEST_CASE("host:port is taken apart and put together again") {
  for (std::string text :
       {"127.0.0.1:9001", "localhost:1", "sandbox.localdomain:65535", "my_host-2:80", "[::1]:9001", "[fe80::1:2]:80"}) {
    CAPTURE(text);
    auto origin = parse_host_port(text);
    REQUIRE(origin);
    CHECK(origin->host_port() == text);
  }
  CHECK(parse_host_port("[::1]:9001")->host == "::1");
}

TEST_CASE("what is no host:port is refused, naming the text") {
  for (std::string text : {"",
                           ":",
                           ":80",
                           "host",
                           "host:",
                           "host:0",
                           "host:65536",
                           "host:-1",
                           "host:+1",
                           "host: 80",
                           "host:80 ",
                           "host:8x",
                           "ho st:80",
                           "host:80/",
                           "host:80/path",
                           "http://host:80",
                           "host:1:2",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1:80",
                           "[]:80",
                           "[::g]:80",
                           "[127.0.0.1]:80",
                           "h\xc3\xb6st:80",
                           "host\r\nX: 1:80",
                           "user@host:80",
                           "host:99999999999999999999"}) {
    CAPTURE(text);
    auto origin = parse_host_port(text);
    REQUIRE_FALSE(origin);
    CHECK(origin.error().code == mayfly::core::Errc::parse);
    CHECK(origin.error().message.find("'"s + text + "'") != std::string::npos);
  }
  for (std::string text : {"http://host:80", "host:80/path"}) {
    CHECK(parse_host_port(text).error().message.find("without a scheme and without a path") != std::string::npos);
  }
  CHECK_FALSE(parse_host_port("[::1\0]:80"sv));
  CHECK_FALSE(parse_host_port("a\0b:80"sv));
  CHECK_FALSE(parse_host_port(std::string(254, 'a') + ":80"));
  CHECK(parse_host_port(std::string(253, 'a') + ":80"));
}

TEST_CASE("loopback is what never leaves the machine") {
  for (std::string host : {"127.0.0.1", "127.255.255.255", "::1", "localhost"}) CHECK(Origin{host, 1}.is_loopback());
  for (std::string host : {"0.0.0.0", "128.0.0.1", "10.0.0.1", "::", "::2", "localhost.example", "127.0.0.1.example",
                           "127.1", "", "sandbox.localdomain"}) {
    CAPTURE(host);
    CHECK_FALSE(Origin{host, 1}.is_loopback());
  }
}

TEST_CASE("a URI is taken apart") {
  CHECK(uri("http://host") == "http  host:80 /");
  CHECK(uri("HTTPS://host/a/b?c=d&e") == "https  host:443 /a/b?c=d&e");
  CHECK(uri("otlp+http://collector:4318") == "otlp+http  collector:4318 /");
  CHECK(uri("otlp+http://collector") == "otlp+http  collector:80 /");
  CHECK(uri("otlp+https://collector") == "otlp+https  collector:443 /");
  CHECK(uri("tcp://host:1") == "tcp  host:1 /");
  CHECK(uri("http://host?q=1") == "http  host:80 /?q=1");
  CHECK(uri("http://[::1]:8080/x") == "http  [::1]:8080 /x");
  CHECK(uri("http://us%40er:p%3Aw@host:8080/") == "http us%40er:p%3Aw host:8080 /");
  CHECK(uri("http://a@b@host/") == "http a@b host:80 /");
  CHECK(uri("http://host/a@b:c") == "http  host:80 /a@b:c");
}

TEST_CASE("what is no URI of a server is refused") {
  for (std::string text : {"",
                           "host",
                           "host:80",
                           "://host",
                           "http:/host",
                           "http//host",
                           "http://",
                           "http:///path",
                           "http://:80",
                           "http://host:x",
                           "http://host:0",
                           "http://host:65536",
                           "http://ho st",
                           "http://host/a b",
                           "http://host/\x01",
                           "http://host/\xc3\xa9",
                           "http://host/#f",
                           "http://host#f",
                           "http://user name@host",
                           "ht tp://host",
                           "1http://host",
                           "+http://host",
                           "tcp://host",
                           "foohttp://host",
                           "xhttps://host",
                           "http://host/\r\nX: 1",
                           "http://[::1",
                           "http://u\np@host",
                           "http://host:80:90"}) {
    CAPTURE(text);
    CHECK(uri(text).starts_with("fault: "));
  }
  CHECK(uri("http://host/\0"sv).starts_with("fault: "));
}

TEST_CASE("no message repeats userinfo or query") {
  for (std::string text :
       {"http://user:secret@host:0/", "http://user:secret@ho st/", "http://user:se/secret@host/",
        "http://user:secret?x@host", "http://user:secret#x@host", "http://host/a b?secret", "http://host:0/?secret",
        "http://host/?secret#f", "user:secret@host", "http://user:secret@", "http://secret:x@[::g]/"}) {
    CAPTURE(text);
    CHECK(uri(text).starts_with("fault: "));
    CHECK(uri(text).find("secret") == std::string::npos);
  }
}

TEST_CASE("percent escapes are decoded once") {
  CHECK(*percent_decode("a%20b%2Fc%2f") == "a b/c/");
  CHECK(*percent_decode("%25%34%31") == "%41");
  CHECK(*percent_decode("%ff+") == "\xff+");
  CHECK(percent_decode("")->empty());
  for (std::string text : {"%", "%4", "a%", "a%4", "%zz", "%4g", "%-1", "%00", "%%41"}) {
    CAPTURE(text);
    CHECK_FALSE(percent_decode(text));
  }
}

TEST_CASE("names and values of a query are read as forms are") {
  CHECK(mayfly::core::form_decode("a+b%20c%2B") == "a b c+");
  CHECK(mayfly::core::form_decode("100%+%41") == "100% %41");
  CHECK(mayfly::core::form_decode("") == "");
}
