#pragma once
// Requests that two programs in a row could read differently, and what each is answered. Most hide
// a second request behind the first.
#include <string>
#include <vector>

namespace test {

struct FramingVector {
    const char* name;
    std::string bytes;
    int status;  // 0: served
};

const std::vector<FramingVector>& framing_vectors();

}  // namespace test
