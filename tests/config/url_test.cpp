#include "config/url.h"

#include <catch2/catch.hpp>

using namespace config;

TEST_CASE("read_base_url: scheme and host in lower case, no slash at the end", "[config]") {
    const auto [written, read] = GENERATE(table<std::string, std::string>({
        {"https://api.openai.com/v1", "https://api.openai.com/v1"},
        {"https://api.openai.com/v1/", "https://api.openai.com/v1"},
        {"HTTPS://API.OpenAI.com/V1//", "https://api.openai.com/V1"},
        {"https://api.deepseek.com", "https://api.deepseek.com"},
        {"https://10.0.0.7:8443/a/b", "https://10.0.0.7:8443/a/b"},
        {"https://[2001:db8::1]:443/v1", "https://[2001:db8::1]:443/v1"},
        {"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
        {"http://127.9.9.9/v1", "http://127.9.9.9/v1"},
        {"http://[::1]:1", "http://[::1]:1"},
        {"http://localhost:8000/v1", "http://localhost:8000/v1"},
    }));
    CAPTURE(written);
    REQUIRE(read_base_url(written).has_value());
    CHECK(*read_base_url(written) == read);
}

TEST_CASE("read_base_url: everything else is refused with a cure", "[config]") {
    const auto [written, cure] = GENERATE(table<std::string, std::string>({
        {"", "write it like"},
        {"api.openai.com/v1", "write it like"},
        {"ftp://api.openai.com", "write it like"},
        {"https://", "write it like"},
        {"https:///v1", "write it like"},
        {"https://a b/v1", "write it like"},
        {"https://-a.com", "write it like"},
        {"https://1.2.3", "write it like"},
        {"https://1.2.3.999", "write it like"},
        {"https://[::1", "write it like"},
        {"https://[]", "write it like"},
        {"https://a.com/../v1", "write it like"},
        {"https://a.com/a//b", "write it like"},
        {"https://a.com/%2e", "write it like"},
        {"https://a.com/v1\r\nHost: b", "write it like"},
        {"https://a.com:0", "port"},
        {"https://a.com:65536", "port"},
        {"https://a.com:", "port"},
        {"https://a.com:44x", "port"},
        {"https://a.com?x=1", "before ? or #"},
        {"https://a.com/v1#f", "before ? or #"},
        {"https://user:pass@a.com", "api_key"},
        {"http://a.com/v1", "https"},
        {"http://10.0.0.7", "https"},
        {"http://127.0.0.1.evil.com", "https"},
        {"http://localhost.evil.com", "https"},
        {"http://0.0.0.0", "https"},
    }));
    CAPTURE(written);
    REQUIRE_FALSE(read_base_url(written).has_value());
    CHECK_THAT(read_base_url(written).error(), Catch::Contains(cure));
}

TEST_CASE("is_ip_address: literals only", "[config]") {
    for (const char* text : {"127.0.0.1", "0.0.0.0", "::", "::1", "2001:db8::1"}) {
        CAPTURE(text);
        CHECK(is_ip_address(text));
    }
    for (const char* text :
         {"", "localhost", "127.1", "[::1]", "1.2.3.4:80", "1.2.3.256", "fe80::1%lo"}) {
        CAPTURE(text);
        CHECK_FALSE(is_ip_address(text));
    }
    CHECK_FALSE(is_ip_address(std::string_view("::1\0x", 5)));
}
