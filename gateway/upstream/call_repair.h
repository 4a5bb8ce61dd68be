#pragma once
// Stands before the reader of an OpenAI-compatible answer and turns tool calls that the server
// leaked into the text (leaked_calls.h) back into calls. Text goes on as it comes, but for what may
// be the beginning of such a call; chunks without one pass untouched.
#include <cstdint>
#include <memory>

#include "gateway/api/chat_request.h"
#include "gateway/upstream/answer_reader.h"

namespace gateway {

class CallRepair final : public AnswerReader {
public:
    // `request` has tools and outlives this; of one choice.
    CallRepair(std::unique_ptr<AnswerReader> reader, const ChatRequest& request)
        : reader_(std::move(reader)), request_(request) {}

    EventLook event(SseEvent&& event) override;
    EventLook whole(std::string&& body) override;
    const std::optional<Usage>& usage() const override { return reader_->usage(); }
    const std::string& finish_reason() const override {
        return finish_reason_.empty() ? reader_->finish_reason() : finish_reason_;
    }
    bool all_ended() const override { return reader_->all_ended(); }
    bool asked_ended() const override { return reader_->asked_ended(); }

private:
    struct Chunk;
    bool may_concern(std::string_view data) const;
    void pass(ChatChunk&& chunk, std::vector<ChatChunk>& out);
    std::string text_for_now(std::string_view text);
    void end_block(Chunk& chunk, std::vector<ChatChunk>& out);

    const std::unique_ptr<AnswerReader> reader_;
    const ChatRequest& request_;
    std::string held_;          // the end of the text, which may be the beginning of a mark
    std::string block_;         // from the first mark on; empty: none came
    bool is_over_ = false;      // too long to be calls: the rest passes
    int64_t n_calls_ = 0;       // that the server told itself
    int64_t n_text_bytes_ = 0;  // of chunks that were kept back
    std::string finish_reason_;
};

}  // namespace gateway
