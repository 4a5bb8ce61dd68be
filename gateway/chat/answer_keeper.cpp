#include "gateway/chat/answer_keeper.h"

namespace gateway {

void AnswerKeeper::add(std::string_view bytes) {
    if (is_too_large_) return;
    deflater_.add(bytes);
    n_content_bytes_ += bytes.size();
    is_too_large_ =
        deflater_.n_bytes() > kKeptAnswerBytesMax || n_content_bytes_ > kKeptContentBytesMax;
}

billing::KeptAnswer AnswerKeeper::finish(std::string_view content_type) {
    billing::KeptAnswer kept{"", deflater_.finish()};
    if (kept.bytes.size() > kKeptAnswerBytesMax || is_too_large_) return {};
    kept.media = content_type;
    return kept;
}

std::optional<HttpAnswer> answer_of(const billing::KeptAnswer& kept) {
    if (kept.media.empty()) return {};
    auto content = inflate(kept.bytes, kKeptContentBytesMax);
    if (!content) return {};
    HttpAnswer answer;
    answer.content_type = kept.media;
    answer.body = std::move(*content);
    return answer;
}

}  // namespace gateway
