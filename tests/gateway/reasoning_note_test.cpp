#include "gateway/chat/reasoning_note.h"

#include <catch2/catch.hpp>

using gateway::with_reasoning;

TEST_CASE("reasoning note: usage says what the header says, the rest keeps its bytes", "[chat]") {
    const std::string_view told = "low; requested=\"x\"";
    CHECK(
        with_reasoning(R"({"id":"a", "choices":[ ],"usage":{"prompt_tokens":1}})", told) ==
        R"({"id":"a","choices":[ ],"usage":{"prompt_tokens":1,"weir_reasoning":"low; requested=\"x\""}})");
    for (const std::string_view data :
         {R"({"choices":[],"usage":null})", R"({"choices":[{"delta":{"content":"\"usage\""}}]})",
          R"({"choices":[{"usage":{"a":1}}]})"})
        CHECK(with_reasoning(data, told) == data);
}
