#include "gateway/upstream/response_parser.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>

namespace gateway {

namespace {

constexpr std::uint32_t kHeadBytesMax = 64 << 10;

}  // namespace

ResponseParser::ResponseParser() {
    eager(true);
    header_limit(kHeadBytesMax);
    body_limit(boost::none);  // its reader has limits
}

std::string_view ResponseParser::field(std::string_view name) const {
    const auto found = std::ranges::find_if(
        fields_, [&](const auto& each) { return boost::beast::iequals(each.first, name); });
    return found == fields_.end() ? std::string_view() : std::string_view(found->second);
}

void ResponseParser::on_field_impl(boost::beast::http::field, View name, View value, Error&) {
    if (!has_head_) fields_.emplace_back(name, value);
}

std::size_t ResponseParser::on_body_impl(View bytes, Error&) {
    body_.append(bytes);
    return bytes.size();
}

std::size_t ResponseParser::on_chunk_body_impl(std::uint64_t, View bytes, Error&) {
    body_.append(bytes);
    return bytes.size();
}

}  // namespace gateway
