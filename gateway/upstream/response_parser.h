#pragma once
// HTTP/1 answers out of bytes that arrive in any pieces: Beast's parser, collecting what a chat
// answer needs of the head, and the body as it comes.
#include <boost/beast/http/basic_parser.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

class ResponseParser final : public boost::beast::http::basic_parser<false> {
public:
    ResponseParser();

    int status() const { return status_; }  // 0: not yet
    // Of the head; empty: not there. `name` in lower case.
    std::string_view field(std::string_view name) const;
    // What of the body has come and was not taken yet.
    std::string& body() { return body_; }

private:
    using Error = boost::beast::error_code;
    using View = boost::beast::string_view;

    void on_request_impl(boost::beast::http::verb, View, View, int, Error&) override {}
    void on_response_impl(int status, View, int, Error&) override { status_ = status; }
    void on_field_impl(boost::beast::http::field, View name, View value, Error&) override;
    void on_header_impl(Error&) override { has_head_ = true; }
    void on_body_init_impl(boost::optional<std::uint64_t> const&, Error&) override {}
    std::size_t on_body_impl(View bytes, Error&) override;
    void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View bytes, Error&) override;
    void on_finish_impl(Error&) override {}

    int status_ = 0;
    bool has_head_ = false;  // fields behind it are trailers
    std::vector<std::pair<std::string, std::string>> fields_;
    std::string body_;
};

}  // namespace gateway
