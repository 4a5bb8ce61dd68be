#include "tests/support/mock_steps.h"

#include <cstdio>
#include <iterator>

namespace mock {

namespace {

// A character of two, three and four bytes stands in it, for those who cut in the middle.
constexpr std::string_view kWords[] = {"water ", "über ", "流れ ", "🌊 ", "dam "};

}  // namespace

Step send(std::string bytes) {
    return {Step::Kind::send, std::move(bytes)};
}
Step only(Step::Kind kind) {
    return {kind, {}};
}
Step wait(std::chrono::milliseconds delay) {
    return {Step::Kind::wait, {}, delay};
}

std::string http_chunk(std::string_view bytes) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + std::string(bytes) + "\r\n";
}

std::string answer(int status, std::string_view headers, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) + " Mock\r\ncontent-type: application/json\r\n" +
           std::string(headers) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" +
           std::string(body);
}

std::string word(const Plan& plan, int64_t i) {
    if (plan.n_text_bytes > 0) return std::string(static_cast<size_t>(plan.n_text_bytes), 'x');
    return std::string(kWords[static_cast<size_t>(i) % std::size(kWords)]);
}

}  // namespace mock
