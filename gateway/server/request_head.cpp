#include "gateway/server/request_head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "gateway/server/syntax.h"
#include "gateway/server/target.h"

namespace gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Beast's parser writing straight into our head: no map of fields in between.
class HeadParser final : public http::basic_parser<true> {
public:
    explicit HeadParser(HttpHead& head) : head_(head) {}

private:
    using View = beast::string_view;
    using Code = beast::error_code;

    void on_request_impl(http::verb, View method, View target, int, Code&) override {
        head_.method = method;
        head_.target = target;
    }
    void on_field_impl(http::field, View name, View value, Code&) override {
        std::string lower(name);
        for (char& c : lower) c = to_lower(c);
        head_.fields.emplace_back(std::move(lower), value);
    }
    void on_response_impl(int, View, int, Code&) override {}
    void on_header_impl(Code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
    std::size_t on_body_impl(View, Code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, View, Code&) override { return 0; }
    void on_finish_impl(Code&) override {}

    HttpHead& head_;
};

bool agrees(const HeadParser& parser, const Framing& framing) {
    if (parser.chunked() != framing.chunked) return false;
    const auto length = parser.content_length();
    if (length.has_value() != framing.content_length.has_value()) return false;
    return !length || *length == static_cast<std::uint64_t>(*framing.content_length);
}

}  // namespace

tl::expected<RequestHead, Refusal> read_request_head(std::string_view head,
                                                     const FramingLimits& limits) {
    RequestHead result;
    const auto framing = scan_head(head, limits);
    if (!framing) return tl::unexpected(framing.error());
    result.framing = *framing;

    HttpHead& http_head = result.http;
    http_head.fields.reserve(12);
    HeadParser parser(http_head);
    parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
    parser.body_limit(boost::none);
    beast::error_code error;
    const size_t n_parsed = parser.put(boost::asio::buffer(head.data(), head.size()), error);
    if (error || !parser.is_header_done() || n_parsed != head.size() || !agrees(parser, *framing)) {
        return tl::unexpected(Refusal{400, "the request head is malformed"});
    }

    auto target = parse_target(http_head.target);
    if (!target) return tl::unexpected(target.error());
    http_head.path = std::move(target->path);
    http_head.query = target->query;
    http_head.content_length = framing->content_length;
    http_head.has_body = framing->has_body();
    return result;
}

}  // namespace gateway
