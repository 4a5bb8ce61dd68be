#include "gateway/chat/running_keys.h"

#include <catch2/catch.hpp>

#include "gateway/chat/answer_keeper.h"

using namespace gateway;

namespace {

billing::IdempotencyKey key_of(unsigned char key, unsigned char body) {
    billing::IdempotencyKey made;
    made.key.fill(key);
    made.body.fill(body);
    return made;
}

}  // namespace

TEST_CASE("running keys: one request at a time has a key", "[chat]") {
    using Answer = RunningKeys::Answer;
    RunningKeys keys;
    std::optional<RunningKeys::Claim> first, other, none;
    CHECK(keys.claim(1, key_of(1, 1), first) == Answer::claimed);
    // While it is not known whether the key is free, nobody is told that it is another's.
    CHECK(keys.claim(1, key_of(1, 2), none) == Answer::in_use);
    first->run();
    CHECK(keys.claim(1, key_of(1, 1), none) == Answer::in_use);
    CHECK(keys.claim(1, key_of(1, 2), none) == Answer::another_request);
    CHECK(keys.claim(2, key_of(1, 2), other) == Answer::claimed);
    CHECK(!none);
    CHECK(keys.n_running(1) == 1);
    first.reset();
    CHECK(keys.n_running(1) == 0);
    CHECK(keys.n_running(2) == 1);
    CHECK(keys.claim(1, key_of(1, 2), first) == Answer::claimed);
}

TEST_CASE("answer keeper: gives back what it was given, or says that it was too large", "[chat]") {
    AnswerKeeper keeper;
    keeper.add("data: 1\n\n");
    keeper.add("data: 2\n\n");
    const auto answer = answer_of(keeper.finish("text/event-stream"));
    REQUIRE(answer);
    CHECK(answer->content_type == "text/event-stream");
    CHECK(answer->body == "data: 1\n\ndata: 2\n\n");

    AnswerKeeper of_much;
    const std::string megabyte(1 << 20, 'a');
    for (size_t n = 0; n <= kKeptContentBytesMax; n += megabyte.size()) of_much.add(megabyte);
    CHECK(!answer_of(of_much.finish("text/event-stream")));
    CHECK(!answer_of({"text/event-stream", "not deflated"}));
}
