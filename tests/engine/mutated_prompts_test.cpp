// Conversations with something broken in them, to the tokens and back.
#include <random>
#include <sstream>

#include "engine/chat/reference_case.h"
#include "tests/engine/text_fixture.h"

using namespace engine;

namespace {

std::vector<std::string> case_lines() {
    std::istringstream in(read_data("chat-encoding-cases.jsonl"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    REQUIRE(lines.size() == 83);
    return lines;
}

// A few bytes changed, cut out, doubled, or brought in from another line.
void mutate(std::string& text, const std::string& other, std::mt19937& random) {
    const auto place = [&](size_t n) { return static_cast<size_t>(random()) % (n + 1); };
    for (size_t n = 1 + random() % 4; n > 0; --n) {
        const size_t at = place(text.size());
        const size_t length = std::min<size_t>(random() % 40, text.size() - at);
        switch (random() % 4) {
            case 0:
                if (at < text.size()) text[at] = static_cast<char>(random());
                break;
            case 1:
                text.erase(at, length);
                break;
            case 2:
                text.insert(at, text.substr(at, length));
                break;
            default:
                text.insert(at, other.substr(place(other.size()), random() % 40));
        }
    }
}

struct Outcome {
    int n_rendered = 0;
    int n_refused = 0;
};

Outcome run(int n, uint32_t seed) {
    const std::vector<std::string> lines = case_lines();
    std::mt19937 random(seed);
    Outcome outcome;
    for (int i = 0; i < n; ++i) {
        std::string line = lines[random() % lines.size()];
        mutate(line, lines[random() % lines.size()], random);
        auto read = read_reference_case(line, config::Encoding::v0731);
        const auto segments = read ? render_turns(std::move(read->turns), read->options)
                                   : Result<std::vector<Segment>>(tl::unexpected(read.error()));
        if (!segments) {
            REQUIRE(segments.error().code == Errc::prompt_invalid);
            ++outcome.n_refused;
            continue;
        }
        size_t n_controls = 0;
        for (const Segment& segment : *segments) n_controls += segment.control.has_value();
        const auto tokens = encode_segments(*segments, small_tokenizer(), small_controls(), 4096);
        if (!tokens) {
            REQUIRE((tokens.error().code == Errc::context_exceeded ||
                     tokens.error().code == Errc::unsupported));
            ++outcome.n_refused;
            continue;
        }
        size_t n_added = 0;
        for (const int32_t token : *tokens) n_added += small_tokenizer().is_added(token);
        REQUIRE(n_added == n_controls);
        ++outcome.n_rendered;
    }
    return outcome;
}

}  // namespace

TEST_CASE("prompts: 10,000 mutated ones are rendered or refused", "[engine]") {
    const Outcome outcome = run(10'000, 1);
    CHECK(outcome.n_rendered > 1000);
    CHECK(outcome.n_refused > 1000);
}

TEST_CASE("prompts: 1,000,000 mutated ones are rendered or refused", "[.slow]") {
    CHECK(run(1'000'000, 2).n_rendered > 100'000);
}
