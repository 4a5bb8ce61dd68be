#pragma once
// What the scripts of the mock upstream are put together from.
#include <string>
#include <string_view>

#include "tests/support/mock_plan.h"
#include "tests/support/mock_script.h"

namespace mock {

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    "transfer-encoding: chunked\r\n\r\n";

Step send(std::string bytes);
Step only(Step::Kind kind);
Step wait(std::chrono::milliseconds delay);
std::string http_chunk(std::string_view bytes);
// A whole answer with a JSON body. `headers`: lines with their ends.
std::string answer(int status, std::string_view headers, std::string_view body);
// The text of one token.
std::string word(const Plan& plan, int64_t i);

}  // namespace mock
