#include "tests/gateway/framing_vectors.h"

namespace test {
namespace {

using std::string;

const string kHidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

string with_fields(const string& fields, const string& body = {}) {
    return "POST /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body + kHidden;
}
string chunked(const string& body) {
    return with_fields("Transfer-Encoding: chunked\r\n", body);
}
string target(const string& text) {
    return "GET " + text + " HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden;
}
string host(const string& text) {
    return "GET /hello HTTP/1.1\r\n" + text + "\r\n" + kHidden;
}

void add_lengths(std::vector<FramingVector>& all) {
    const string five = "hello";
    all.insert(
        all.end(),
        {
            {"identity then length",
             with_fields("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", five), 400},
            {"gzip", with_fields("Transfer-Encoding: gzip\r\n", five), 400},
            {"xchunked", with_fields("Transfer-Encoding: xchunked\r\n", five), 400},
            {"chunked, gzip", with_fields("Transfer-Encoding: chunked, gzip\r\n", five), 400},
            {"gzip, chunked", with_fields("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
             400},
            {"chunked twice in one", with_fields("Transfer-Encoding: chunked, chunked\r\n"), 400},
            {"chunked in two headers",
             with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                         "0\r\n\r\n"),
             400},
            {"empty transfer encoding", with_fields("Transfer-Encoding:\r\n"), 400},
            {"chunked with a parameter", with_fields("Transfer-Encoding: chunked;q=1\r\n"), 400},
            {"chunked in 1.0",
             "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kHidden, 400},
            {"length then chunked",
             with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
            {"chunked then length",
             with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), 400},
            {"two lengths", with_fields("Content-Length: 5\r\nContent-Length: 6\r\n", five), 400},
            {"one length twice", with_fields("Content-Length: 5\r\nContent-Length: 5\r\n", five),
             400},
            {"list of lengths", with_fields("Content-Length: 5, 5\r\n", five), 400},
            {"signed length", with_fields("Content-Length: +5\r\n", five), 400},
            {"negative length", with_fields("Content-Length: -1\r\n", five), 400},
            {"hexadecimal length", with_fields("Content-Length: 0x5\r\n", five), 400},
            {"blank in a length", with_fields("Content-Length: 5 5\r\n", five), 400},
            {"no length", with_fields("Content-Length:\r\n", five), 400},
            {"length 2^64", with_fields("Content-Length: 18446744073709551616\r\n", five), 400},
            {"length 2^63", with_fields("Content-Length: 9223372036854775808\r\n", five), 400},
            {"length as a word", with_fields("Content-Length: five\r\n", five), 400},
            {"underscore in length", with_fields("Content_Length: 5\r\n", five), 400},
            {"underscore in encoding", with_fields("transfer_encoding: chunked\r\n", "0\r\n\r\n"),
             400},
        });
}

void add_chunks(std::vector<FramingVector>& all) {
    all.insert(
        all.end(),
        {
            {"chunk 2^64", chunked("10000000000000000\r\nhello\r\n0\r\n\r\n"), 400},
            {"chunk of many digits", chunked("0000000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
            {"bare LF in a chunk line", chunked("5\nhello\r\n0\r\n\r\n"), 400},
            {"bare CR in a chunk line", chunked("5\rhello\r\n0\r\n\r\n"), 400},
            {"wrong chunk end", chunked("5\r\nhelloXX0\r\n\r\n"), 400},
            {"chunk end LF", chunked("5\r\nhello\n0\r\n\r\n"), 400},
            {"no chunk size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
            {"signed chunk size", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
            {"0x chunk size", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
            {"blank behind a chunk size", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
            {"blank before a chunk size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
            {"chunk extension of 9,000 bytes",
             chunked("5;" + string(9'000, 'x') + "\r\nhello\r\n0\r\n\r\n"), 400},
            {"NUL in a chunk extension", chunked(string("5;a\0b\r\nhello\r\n0\r\n\r\n", 19)), 400},
            {"bare LF in an extension", chunked("5;a\nhello\r\n0\r\n\r\n"), 400},
            {"bare LF in a trailer", chunked("0\r\nx: y\n\r\n"), 400},
            {"bare LF behind the last chunk", chunked("0\r\n\n"), 400},
            {"trailers of 9,000 bytes", chunked("0\r\nx: " + string(9'000, 'y') + "\r\n\r\n"), 400},
        });
}

void add_heads(std::vector<FramingVector>& all) {
    const string line = "GET /hello HTTP/1.1\r\n";
    all.insert(
        all.end(),
        {
            {"no Host", line + "X: y\r\n\r\n" + kHidden, 400},
            {"two Hosts", host("Host: a\r\nHost: a\r\n"), 400},
            {"Host with a fragment", host("Host: a/#@b\r\n"), 400},
            {"empty Host", host("Host:\r\n"), 400},
            {"Host with user", host("Host: u@a\r\n"), 400},
            {"Host with a blank", host("Host: a b\r\n"), 400},
            {"Host with a bad port", host("Host: a:99999\r\n"), 400},
            {"Host with no port", host("Host: a:\r\n"), 400},
            {"Host with open bracket", host("Host: [::1\r\n"), 400},
            {"bad Host in 1.0", "GET /hello HTTP/1.0\r\nHost: a/b\r\n\r\n" + kHidden, 400},
            {"folded header", host("Host: a\r\nX: y\r\n z\r\n"), 400},
            {"folded first header", line + " Host: a\r\n\r\n" + kHidden, 400},
            {"bare LF everywhere", "GET /hello HTTP/1.1\nHost: a\n\n" + kHidden, 400},
            {"bare LF in a header", host("Host: a\r\nX: y\nZ: z\r\n"), 400},
            {"bare CR in a header", host("Host: a\r\nX: y\rZ: z\r\n"), 400},
            {"bare CR line ends", "GET /hello HTTP/1.1\rHost: a\r\r" + kHidden, 400},
            {"NUL in a header", host(string("Host: a\r\nX: y\0z\r\n", 17)), 400},
            {"NUL in the target", string("GET /he\0llo HTTP/1.1\r\nHost: a\r\n\r\n", 33), 400},
            {"control in a header", host("Host: a\r\nX: \x01\r\n"), 400},
            {"DEL in a header", host("Host: a\r\nX: \x7f\r\n"), 400},
            {"blank before the colon", host("Host: a\r\nX : y\r\n"), 400},
            {"blank in Host's name", host("Host : a\r\n"), 400},
            {"no colon", host("Host: a\r\nXy\r\n"), 400},
            {"no name", host("Host: a\r\n: y\r\n"), 400},
            {"name with brackets", host("Host: a\r\nX(y): z\r\n"), 400},
            {"name beyond ASCII", host("Host: a\r\nX\xc3\xa9: z\r\n"), 400},
            {"Authorization twice",
             host("Host: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer "
                  "b\r\n"),
             400},
            {"Authorization with an underscore", host("Host: a\r\nX_Api_Key: k\r\n"), 400},
            {"Content-Type twice", host("Host: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n"),
             400},
            {"two blanks before the target", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden,
             400},
            {"two blanks before the version", "GET /hello  HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden,
             400},
            {"blank behind the version", "GET /hello HTTP/1.1 \r\nHost: a\r\n\r\n" + kHidden, 400},
            {"tab in the request line", "GET\t/hello HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
            {"HTTP/0.9", "GET /hello\r\n\r\n" + kHidden, 400},
            {"http in lower case", "GET /hello http/1.1\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"HTTP/1.10", "GET /hello HTTP/1.10\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"leading CRLF", "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"leading LF", "\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden, 400},
            {"TLS hello", string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
            {"other expectation", with_fields("Expect: 200-ok\r\nContent-Length: 5\r\n", "hello"),
             417},
        });
}

void add_targets(std::vector<FramingVector>& all) {
    for (const char* text : {"http://a/hello",
                             "*",
                             "a:80",
                             "hello",
                             "",
                             "/a%00b",
                             "/a%2fb",
                             "/a%2Fb",
                             "/a%5cb",
                             "/a%5Cb",
                             "/a%0ab",
                             "/a%0D%0Ab",
                             "/a%7fb",
                             "/a%zz",
                             "/a%4",
                             "/a%",
                             "/a#b",
                             "/a\\b",
                             "/a\x80"
                             "b",
                             "/a?x=%zz",
                             "/a?x=%0",
                             "/a?x=%00"}) {
        all.push_back({text, target(text), 400});
    }
    for (const char* text : {"/a/../b", "/a/..", "/..", "/a/./b", "/%2e%2e/b", "/a/%2E%2e",
                             "/a/.%2e/b", "//hello", "/a//b", "/a//", "/v1/models/a%2f%2fb",
                             "/v1/models/%2fa", "/v1/models/a%2f..", "/v1/models/..%2fa"}) {
        all.push_back({text, target(text), 404});
    }
    all.push_back({"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden, 400});
    all.push_back({"CONNECT a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden, 400});
}

void add_served(std::vector<FramingVector>& all) {
    const auto request = [](const string& method, const string& fields, const string& body) {
        return method + " /echo HTTP/1.1\r\n" + fields + "Connection: close\r\n\r\n" + body;
    };
    const string chunked_host = "Host: a\r\nTransfer-Encoding: Chunked\r\n";
    all.insert(
        all.end(),
        {
            {"plain", request("GET", "Host: a\r\n", ""), 0},
            {"Host with a port", request("GET", "Host: a.example:8080\r\n", ""), 0},
            {"Host in brackets", request("GET", "Host: [::1]:8080\r\n", ""), 0},
            {"no Host in 1.0", "GET /hello HTTP/1.0\r\n\r\n", 0},
            {"unknown method", request("BREW", "Host: a\r\n", ""), 0},
            {"GET with a body", request("GET", "Host: a\r\nContent-Length: 5\r\n", "hello"), 0},
            {"blanks around values", request("GET", "Host: \t a \t\r\nX:y\r\nZ:\r\n", ""), 0},
            {"underscore in another name", request("GET", "Host: a\r\nX_Y: z\r\n", ""), 0},
            {"Upgrade", request("GET", "Host: a\r\nUpgrade: h2c, websocket\r\n", ""), 0},
            {"value beyond ASCII", request("GET", "Host: a\r\nX: \xc3\xa9\r\n", ""), 0},
            {"chunks", request("POST", chunked_host, "5\r\nhello\r\n0\r\n\r\n"), 0},
            {"chunks with extensions and trailers",
             request("POST", chunked_host, "5;a=b\r\nhello\r\n0;c\r\nx: y\r\nz: w\r\n\r\n"), 0},
            {"escapes", "GET /hel%6Co?q=%20%41 HTTP/1.0\r\n\r\n", 0},
        });
}

}  // namespace

const std::vector<FramingVector>& framing_vectors() {
    static const std::vector<FramingVector> all = [] {
        std::vector<FramingVector> made;
        add_lengths(made);
        add_chunks(made);
        add_heads(made);
        add_targets(made);
        add_served(made);
        return made;
    }();
    return all;
}

}  // namespace test
