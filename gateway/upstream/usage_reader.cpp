#include "gateway/upstream/usage_reader.h"

#include <algorithm>

namespace gateway {

namespace {

using simdjson::dom::element;
using simdjson::dom::object;

// Far beyond any answer, far from overflow when counts are added and priced.
constexpr int64_t kCountMax = 1'000'000'000'000'000;

class Counts {
public:
    // The first of the places that states a number; `found` says whether one did.
    int64_t read(const object& from, std::initializer_list<std::string_view> pointers,
                 bool* found = nullptr) {
        for (const std::string_view pointer : pointers) {
            element value;
            if (from.at_pointer(pointer).get(value) || value.is_null()) continue;
            if (found) *found = true;
            return count(value);
        }
        return 0;
    }
    bool impossible() const { return impossible_; }

private:
    int64_t count(const element& value) {
        int64_t n = 0;
        uint64_t n_huge = 0;
        if (!value.get(n_huge)) return static_cast<int64_t>(std::min<uint64_t>(n_huge, kCountMax));
        if (value.get(n) || n < 0) impossible_ = true;
        return 0;
    }
    bool impossible_ = false;
};

}  // namespace

std::optional<Usage> read_usage(const element& usage) {
    object from;
    if (usage.get(from)) return std::nullopt;
    Counts counts;
    bool states = false;
    Usage out;
    out.n_prompt = counts.read(from, {"/prompt_tokens", "/input_tokens"}, &states);
    out.n_output = counts.read(from, {"/completion_tokens", "/output_tokens"}, &states);
    out.n_cache_read =
        counts.read(from, {"/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens",
                           "/cached_tokens", "/input_tokens_details/cached_tokens"});
    out.n_cache_write = counts.read(from, {"/prompt_tokens_details/cache_write_tokens",
                                           "/input_tokens_details/cache_write_tokens"});
    out.n_reasoning =
        counts.read(from, {"/completion_tokens_details/reasoning_tokens", "/reasoning_tokens",
                           "/output_tokens_details/reasoning_tokens"});
    if (!states || counts.impossible()) return std::nullopt;
    return out;
}

std::optional<Usage> read_messages_usage(const element& usage) {
    object from;
    if (usage.get(from)) return std::nullopt;
    Counts counts;
    bool states = false;
    Usage out;
    const int64_t n_input = counts.read(from, {"/input_tokens"}, &states);
    out.n_cache_read = counts.read(from, {"/cache_read_input_tokens"});
    out.n_cache_write = counts.read(from, {"/cache_creation_input_tokens"});
    out.n_prompt = n_input + out.n_cache_read + out.n_cache_write;
    out.n_output = counts.read(from, {"/output_tokens"}, &states);
    out.n_reasoning = counts.read(from, {"/output_tokens_details/thinking_tokens",
                                         "/output_tokens_details/reasoning_tokens"});
    if (!states || counts.impossible()) return std::nullopt;
    return out;
}

}  // namespace gateway
