#include "gateway/server/answer_head.h"

#include <catch2/catch.hpp>

using namespace gateway;

TEST_CASE("answer head: no text breaks out of its header", "[server]") {
    const AnswerHead head{
        .status = 200, .content_type = "a\r\nb", .content_length = 3, .date = "now"};
    const HttpFields fields{{"x", std::string("1\r\nset-cookie: 2\0\x7f!", 19)},
                            {"bad name", "1"},
                            {"", "1"},
                            {"Transfer-Encoding", "chunked"},
                            {"DATE", "1"},
                            {"y\r\nz", "1"}};
    CHECK(
        serialize(head, fields, 0) ==
        "HTTP/1.1 200 OK\r\nserver: weir\r\ndate: now\r\ncontent-type: ab\r\ncontent-length: 3\r\n"
        "x: 1set-cookie: 2!\r\n\r\n");
}

TEST_CASE("answer head: framing follows version and status", "[server]") {
    const auto text = [](AnswerHead head) {
        head.date = "now";
        return serialize(head, {}, 0);
    };
    CHECK(text({.status = 200}) ==
          "HTTP/1.1 200 OK\r\nserver: weir\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\n");
    CHECK(text({.status = 200, .version_minor = 0, .keep_alive = false}) ==
          "HTTP/1.1 200 OK\r\nserver: weir\r\ndate: now\r\nconnection: close\r\n\r\n");
    CHECK(text({.status = 404, .content_length = 0, .version_minor = 0}) ==
          "HTTP/1.1 404 Not Found\r\nserver: weir\r\ndate: now\r\ncontent-length: 0\r\nconnection: "
          "keep-alive\r\n\r\n");
    CHECK(text({.status = 204, .content_type = "text/plain", .content_length = 0}) ==
          "HTTP/1.1 204 No Content\r\nserver: weir\r\ndate: now\r\n\r\n");
}
