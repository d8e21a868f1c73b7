#include <mayfly/base64.h>

#include <doctest/doctest.h>

#include <string>

using namespace mayfly;

TEST_CASE("bytes of every length come back") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string text = "before", back = "before";
    append_base64(text, bytes);
    CHECK(text.size() == 6 + base64_size(bytes.size()));
    REQUIRE(append_base64_decoded(back, std::string_view(text).substr(6)));
    CHECK(back == "before" + bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST_CASE("base64 is RFC 4648's") {
  for (auto [bytes, text] :
       {std::pair("", ""), std::pair("f", "Zg=="), std::pair("fo", "Zm8="), std::pair("foo", "Zm9v"),
        std::pair("foob", "Zm9vYg=="), std::pair("\xff\xfe\xfd", "//79")}) {
    std::string out;
    append_base64(out, bytes);
    CHECK(out == text);
    CHECK(*Base64{text}.decode() == bytes);
  }
}

TEST_CASE("what is not base64 is refused, and nothing is appended") {
  for (std::string_view text : {"Z", "Zg", "Zg=", "====", "=m8=", "Zm=8", "Z===", "Zm9v\n", "Zm9-", "Zm9_",
                                "Zm 9v===", "Zm9vZg=a", "\xff\xff\xff\xff"}) {
    CAPTURE(text);
    std::string out = "x";
    CHECK_FALSE(append_base64_decoded(out, text));
    CHECK(out == "x");
    CHECK(Base64{text}.decode().error().type == "Base64.Invalid");
  }
}
