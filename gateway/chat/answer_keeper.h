#pragma once
// Gathers what a client is answered, for the day that it asks again (billing/idempotency.h).
#include <string>
#include <string_view>

#include "billing/idempotency.h"
#include "gateway/server/content_coding.h"
#include "gateway/server/http_types.h"

namespace gateway {

inline constexpr int64_t kKeptAnswerBytesMax = 256 << 10;  // compressed: a few MiB of events
inline constexpr size_t kKeptContentBytesMax = 32 << 20;   // before that

// Confined to one thread.
class AnswerKeeper {
public:
    void add(std::string_view bytes);
    // Once. An answer that is too large to be kept is kept as that.
    billing::KeptAnswer finish(std::string_view content_type);

private:
    Deflater deflater_;
    size_t n_content_bytes_ = 0;
    bool is_too_large_ = false;
};

// The answer's type and content. Nothing: it was too large, or is not what an AnswerKeeper made.
std::optional<HttpAnswer> answer_of(const billing::KeptAnswer& kept);

}  // namespace gateway
