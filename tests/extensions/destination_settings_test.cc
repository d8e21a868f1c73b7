#include "extensions/telemetry/destination_settings.h"

#include <doctest/doctest.h>

#include <string>

using namespace mayfly::telemetry;
using mayfly::core::Origin;
using mayfly::extension::TelemetryType;

namespace {

DestinationDefaults defaults() {
  DestinationDefaults d;
  d.types = {TelemetryType::platform, TelemetryType::function};
  return d;
}

DestinationSettings parse(std::string_view url) {
  auto d = parse_destination(url, defaults());
  REQUIRE_MESSAGE(d, url << ": " << d.error().message);
  return *d;
}

std::string complaint(std::string_view url) {
  auto d = parse_destination(url, defaults());
  REQUIRE_MESSAGE(!d, url);
  return d.error().message;
}

bool says(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("each kind of destination has its URL") {
  CHECK(parse("stdout:").kind == DestinationSettings::Kind::standard_output);
  CHECK(parse("file:/tmp/a%20b.ndjson").path == "/tmp/a b.ndjson");
  CHECK(parse("file:///tmp/c").path == "/tmp/c");
  auto otlp = parse("otlp+https://Collector/base/");
  CHECK(otlp.encoding == Encoding::otlp);
  CHECK(otlp.tls);
  CHECK(otlp.origin == Origin{"Collector", 443});
  CHECK(otlp.targets == std::array<std::string, 3>{"/base/v1/logs", "/base/v1/metrics", "/base/v1/traces"});
  CHECK(otlp.compression == Compression::zstd);
  auto lines = parse("ndjson+http://[::1]:8080/in?source=lambda");
  CHECK(lines.encoding == Encoding::ndjson);
  CHECK_FALSE(lines.tls);
  CHECK(lines.targets == std::array<std::string, 3>{"/in?source=lambda", "", ""});
  CHECK(lines.compression == Compression::gzip);
  CHECK(parse("ndjson+http://h?key=1").targets[0] == "/?key=1");
}

TEST_CASE("a path that is one signal's own gets only that signal") {
  auto d = parse("otlp+http://h/x/v1/traces");
  CHECK(d.targets == std::array<std::string, 3>{"", "", "/x/v1/traces"});
  CHECK(d.takes(Signal::traces));
  CHECK_FALSE(d.takes(Signal::logs));
}

TEST_CASE("options behind a # say how a destination differs") {
  auto d = parse(
      "otlp+http://h#types=function,extension&signals=traces,logs&compression=gzip&timeout=2500&certificate=/etc/ca.pem"
      "&headers=X-Key=a%20b%26c,authorization=Bearer%20x=");
  CHECK(d.types == std::vector{TelemetryType::function, TelemetryType::extension});
  CHECK(d.targets == std::array<std::string, 3>{"/v1/logs", "", "/v1/traces"});
  CHECK(d.compression == Compression::gzip);
  CHECK(d.timeout == std::chrono::milliseconds{2500});
  CHECK(d.certificate == "/etc/ca.pem");
  CHECK(d.headers == std::vector<HeaderSetting>{{"X-Key", "a b&c"}, {"authorization", "Bearer x="}});
  CHECK(parse("file:/tmp/x#types=platform").types == std::vector{TelemetryType::platform});
}

TEST_CASE("secrets stay as they are written, with every character that separates elsewhere") {
  auto d = parse("ndjson+https://h/${ssm:/a?b#c}/in#headers=k=${secretsmanager:arn:aws:x#y&z,w},j=2&types=function");
  CHECK(d.targets[0] == "/${ssm:/a?b#c}/in");
  CHECK(d.headers == std::vector<HeaderSetting>{{"k", "${secretsmanager:arn:aws:x#y&z,w}"}, {"j", "2"}});
  CHECK(d.types.size() == 1);
}

TEST_CASE("user and password become a header that replaces another one") {
  auto d = parse("otlp+https://user:p%40ss@h#headers=Authorization=old,a=b");
  CHECK(d.headers == std::vector<HeaderSetting>{{"a", "b"}, {"Authorization", "Basic dXNlcjpwQHNz"}});
  CHECK(d.name == "otlp+https://h:443");
}

TEST_CASE("a list is separated by white space and commas, and commas inside options stay") {
  auto list = [](std::string_view text) {
    std::string out;
    for (auto url : split_destinations(text)) out += "[" + std::string(url) + "]";
    return out;
  };
  CHECK(list("stdout:,file:/x") == "[stdout:][file:/x]");
  CHECK(list("  stdout: ,,\n file:/x ") == "[stdout:][file:/x]");
  CHECK(list("otlp+http://h#types=function,platform,file:/x#types=platform") ==
        "[otlp+http://h#types=function,platform][file:/x#types=platform]");
  CHECK(list("ndjson+http://h#headers=a=1,b=${ssm:/x,y z},stdout:") ==
        "[ndjson+http://h#headers=a=1,b=${ssm:/x,y z}][stdout:]");
  CHECK(list("file:/a,b") == "[file:/a][b]");
  CHECK(list("") == "");
}

TEST_CASE("what is wrong is named with what is allowed") {
  CHECK(complaint("loki://x") ==
        "\"loki:\" is none of stdout:, file:/path, otlp+http://, otlp+https://, ndjson+http://, ndjson+https://");
  CHECK(complaint("nonsense") ==
        "a destination is a URL, one of stdout:, file:/path, otlp+http://, otlp+https://, ndjson+http://, "
        "ndjson+https://");
  CHECK(complaint("otlp+http://h#types=function,metrics") ==
        "otlp+http://h:80: option \"types\": \"metrics\" is none of platform, function, extension");
  CHECK(complaint("otlp+http://h#signals=log") ==
        "otlp+http://h:80: option \"signals\": \"log\" is none of logs, metrics, traces");
  CHECK(complaint("otlp+http://h/v1/logs#signals=traces") ==
        "otlp+http://h:80/v1/logs: option \"signals\": the path of the URL is not that of traces");
  CHECK(says(complaint("otlp+http://h#signals="), "names no signal"));
  CHECK(says(complaint("otlp+http://h#compression=br"), "\"br\" is none of zstd, gzip, none"));
  CHECK(says(complaint("otlp+http://h#timeout=0"), "milliseconds in 1..300000"));
  CHECK(says(complaint("otlp+http://h#timeout=300001"), "milliseconds in 1..300000"));
  CHECK(says(complaint("otlp+http://h#retries=3"),
             "option \"retries\": is none of types, signals, compression, headers, timeout, certificate"));
  CHECK(says(complaint("ndjson+http://h#signals=logs"), "is none of types, compression, headers"));
  CHECK(says(complaint("stdout:#compression=gzip"), "is not types"));
  CHECK(says(complaint("otlp+http://h#certificate=ca.pem"), "absolute path"));
  CHECK(says(complaint("otlp+http://h/${vault:x}"), "${vault…} is none of ${secretsmanager:…}, ${ssm:…}"));
  CHECK(says(complaint("otlp+http://h#headers=k=${vault:x}"), "the value of \"k\": ${vault…} is none of"));
  CHECK(says(complaint("otlp+http://u:${ssm:/x}@h"), "a secret may stand in path, query and headers"));
  CHECK(says(complaint("otlp+http://${ssm:x}:4000"), "a secret may stand in path, query and headers"));
  CHECK(says(complaint("file:tmp"), "absolute path"));
  CHECK(says(complaint("otlp+http://h:99999"), "port"));
}

TEST_CASE("no complaint and no name repeats a secret") {
  for (const char* url : {
           "ftp://user:hunter2@host/",
           "nonsense hunter2",
           "otlp+http://user:hunter2@host:0",
           "otlp+http://user:hun%zzhunter2@host",
           "otlp+http://user:hunter2/x@host",
           "otlp+http://user/hunter2@host",
           "otlp+http://user:1?hunter2@host",
           "otlp+http://host?key=hunter2#wrong=1",
           "otlp+http://host?key=hunter2\x01",
           "otlp+http://host#hunter2",
           "otlp+http://host#headers=hunter2",
           "otlp+http://host#headers=key hunter2",
           "otlp+http://host#headers=key=hunter2%zz",
           "otlp+http://host#headers=key=hunter2%0a",
           "otlp+http://host#headers=host=hunter2",
       }) {
    CHECK_MESSAGE(!says(complaint(url), "hunter2"), url);
  }
  CHECK(parse("otlp+http://user:hunter2@host/p?key=hunter2#headers=k=hunter2").name == "otlp+http://host:80/p");
}

TEST_CASE("headers that frame the request are not a user's to set") {
  for (const char* name : {"Host", "content-length", "Content-Type", "TRANSFER-ENCODING", "connection"})
    CHECK(says(complaint("otlp+http://h#headers=" + std::string(name) + "=x"), "is set by mayfly-telemetry itself"));
  std::string many;
  for (int i = 0; i < 33; ++i) many += "h" + std::to_string(i) + "=1,";
  CHECK(parse_headers(many).error().message == "more than 32 headers");
  CHECK(parse_headers("a=" + std::string(8192, 'x')).value().size() == 1);
  CHECK_FALSE(parse_headers("a=" + std::string(8193, 'x')));
  CHECK(parse_headers("a=1,A=2").value() == std::vector<HeaderSetting>{{"A", "2"}});
}

TEST_CASE("the daemon's own receiver is no destination, however it is spelled") {
  for (const char* host : {"localhost",
                           "LocalHost",
                           "localhost.",
                           "a.localhost",
                           "127.0.0.1",
                           "127.1",
                           "127.255.0.9",
                           "0.0.0.0",
                           "0",
                           "0x7f000001",
                           "2130706433",
                           "0177.0.0.1",
                           "[::1]",
                           "[::]",
                           "[0:0:0:0:0:0:0:1]",
                           "[::ffff:127.0.0.1]",
                           "[::ffff:7f00:1]",
                           "[::ffff:0.0.0.0]",
                           "[::127.0.0.1]",
                           "sandbox.localdomain",
                           "sandbox"}) {
    std::string url = "otlp+http://" + std::string(host) + ":4318";
    CHECK_MESSAGE(says(complaint(url), "own receiver"), url);
    CHECK_MESSAGE(says(complaint("ndjson+https" + url.substr(9)), "own receiver"), url);
    parse(url.substr(0, url.size() - 1) + "9");  // 4319
  }
  for (const char* host : {"128.0.0.1", "example.com", "[::2]", "[::ffff:10.0.0.1]", "localhost.example.com", "1.127"})
    parse("otlp+http://" + std::string(host) + ":4318");
  auto off = defaults();
  off.own_receiver_port = 0;
  CHECK(parse_destination("otlp+http://localhost:4318", off));
  off.own_receiver_port = 4319;
  CHECK(parse_destination("otlp+http://localhost:4318", off));
  CHECK_FALSE(parse_destination("otlp+http://localhost:4319", off));
}

TEST_CASE("standard output never gets what extensions print, because that includes it") {
  CHECK(parse("stdout:#types=extension,function").types == std::vector{TelemetryType::function});
  CHECK(parse("file:/x#types=extension").takes(TelemetryType::extension));
}

TEST_CASE("a destination's fingerprint depends on where it is and not on how it is asked for") {
  auto of = [](std::string_view url) { return fingerprint(parse(url)); };
  CHECK(of("otlp+http://h/a") == of("otlp+http://u:p@h/a?key=1#headers=x=y&compression=gzip&types=function"));
  for (const char* other : {"otlp+https://h/a", "otlp+http://g/a", "otlp+http://h:81/a", "otlp+http://h/b",
                            "otlp+http://h/a#signals=logs", "ndjson+http://h/a"})
    CHECK_MESSAGE(of(other) != of("otlp+http://h/a"), other);
}
