#pragma once
// An attempt at the in-process engine: its deltas, encoded in the Chat Completions dialect.
#include <boost/asio/io_context.hpp>
#include <memory>

#include "engine/engine.h"
#include "gateway/api/chat_encoder.h"
#include "gateway/api/chat_request.h"
#include "gateway/chat/attempt.h"

namespace gateway {

struct EngineCall {
    engine::Engine* engine = nullptr;
    engine::Prompt prompt;
    engine::Sampling sampling;
    engine::Terms terms;  // the owner is the account
    bool stream = false;
    bool include_usage = false;
    AnswerHead head;
    int64_t buffer_bytes_max = 64 << 10;  // encoded bytes before the sequence is parked
};

// Submits at once. Errors: what Engine::submit says. Both `io` and the engine outlive the attempt.
engine::Result<std::unique_ptr<Attempt>> start_engine_attempt(asio::io_context& io,
                                                              EngineCall&& call);

// How an engine's refusal drives fall-back.
config::FailureClass failure_class(engine::Errc code);

}  // namespace gateway
