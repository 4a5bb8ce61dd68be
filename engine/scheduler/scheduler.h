#pragma once
// Continuous batching. One thread owns the batch, the decoder and sampling, and calls the sinks;
// other threads leave wishes behind a mutex. A step feeds one token of every sequence that decodes
// and, of those still reading their prompts, up to n_prefill_tokens together, so that a long prompt
// delays nobody's next token by more than that. Sequences take turns at being first to prefill.
// One that waits comes in when there is a place and KV bytes for its longest case; nobody behind it
// overtakes. Where an interactive sequence has no place, one of batch priority is put aside with
// its KV; where it has no bytes, one loses its KV, which is computed again in its time. What a
// prompt shares with its owner's earlier ones is not computed again.
//
// What a sequence says depends on its prompt, sampling and seed alone, as the decoder's logits do
// not depend on the batch.
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/chat/answer_mask.h"
#include "engine/engine.h"
#include "engine/sampling/sampler.h"
#include "engine/scheduler/decoder.h"
#include "engine/scheduler/sequence.h"
#include "engine/scheduler/waiting_queue.h"

namespace engine {

struct SchedulerConfig {
    int n_sequences_max = 8;  // places of the decoder
    int n_queued_max = 256;   // beyond those places
    int64_t n_prefill_tokens = 256;
    int64_t n_ctx = 8192;
    int64_t kv_bytes_max = INT64_MAX;  // of live sequences, each at its longest
    uint64_t seed = 0;                 // where seeds are drawn from
};

class Scheduler {
public:
    // Borrows decoder, tokenizer and memory, which outlive it. Starts the thread. `memory` takes
    // what answers write to call tools, if there is one.
    Scheduler(const SchedulerConfig& config, Decoder& decoder, const Tokenizer& tokenizer,
              const ControlIds& controls, CallMemory* memory = nullptr);
    ~Scheduler();  // ends every sequence as cancelled, then the thread
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    // As in engine/engine.h, from any thread, sinks included. Errors of submit besides: those of
    // check_request.
    Result<SequenceId> submit(Prompt prompt, const Sampling& sampling, const Terms& terms,
                              TokenSink& sink);
    void cancel(SequenceId id);
    void resume(SequenceId id);
    Stats stats() const;
    int64_t n_resident(const Prompt& prompt, uint64_t owner) const;

private:
    struct Wishes {
        bool cancel = false;
        bool resume = false;
    };
    // One sequence's part in the step under way.
    struct Row {
        Sequence* sequence;
        std::span<const int32_t> tokens;
    };
    using Owned = std::unique_ptr<Sequence>;

    void run();
    bool take_wishes();  // waits for work; false: stop
    void note_wishes(Sequence& sequence);
    bool runnable() const;
    void step();
    void build_batch();
    void begin(Sequence& sequence);
    void add_row(Sequence& sequence, std::span<const int32_t> tokens);
    void account(const Row& row);
    void take_row(const Row& row);
    std::optional<FinishReason> sample(Sequence& sequence, std::span<const float> logits);
    std::optional<TokenLogprob> logprob_of(const Sequence& sequence, std::span<const float> logits,
                                           std::span<const TokenUse> use, int32_t token);
    static void deliver(Sequence& sequence, TokenDelta&& delta);
    std::span<float> logits_of(const Sequence& sequence);
    Owned leave(const Sequence& sequence);
    void end(Sequence& sequence, FinishReason reason);
    void end_all();
    void publish();

    // admission.cpp
    WaitingQueue& line(Priority priority);
    const WaitingQueue& line(Priority priority) const;
    void count_waiting();
    bool has_bytes(const Sequence& next) const;
    bool may_come_in(const Sequence& next) const;
    bool admits() const;
    void admit_waiting();
    void admit(Owned sequence);
    void enter(Owned sequence);
    void make_room(const Sequence& next);
    Owned leave_last();
    void set_aside_last();
    void take_up_first();
    void evict_last();

    // Constant after construction.
    const SchedulerConfig config_;
    Decoder& decoder_;
    const Tokenizer& tokenizer_;
    const ControlIds controls_;
    const int64_t n_vocab_;
    CallMemory* const memory_;

    std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    std::array<WaitingQueue, 2> waiting_;          // by priority
    std::unordered_map<uint64_t, Wishes> wishes_;  // of every sequence that has not ended
    std::vector<Owned> cancelled_;                 // while waiting; to be told
    uint64_t n_submitted_ = 0;
    bool news_ = false;  // a wish since the thread looked
    bool stop_ = false;

    // Touched on the scheduler thread only.
    std::vector<Owned> live_;     // in the order they came in
    std::vector<Owned> aside_;    // of batch priority, with their KV; the first comes back first
    std::vector<Owned> dropped_;  // of cancelled_
    std::vector<int> free_places_;
    int64_t kv_bytes_ = 0;  // of live_ and aside_
    size_t n_turns_ = 0;    // of prefilling
    std::vector<Sequence*> prefilling_;
    std::vector<Row> rows_;
    std::vector<Decoder::Chunk> batch_;
    std::vector<float> logits_;  // [n_sequences_max, n_vocab], by place
    AnswerMask mask_;
    Sampler sampler_;

    // Written on the scheduler thread, but n_waiting_, which follows waiting_.
    std::atomic<int> n_live_{0};
    std::atomic<int> n_aside_{0};
    std::atomic<int> n_waiting_{0};
    std::atomic<int64_t> n_kv_tokens_{0};
    std::atomic<int64_t> n_prefill_tokens_{0};
    std::atomic<int64_t> n_cached_tokens_{0};
    std::atomic<int64_t> kept_bytes_{0};
    std::atomic<int64_t> n_decode_tokens_{0};
    std::atomic<int64_t> n_cancelled_tokens_{0};
    std::atomic<int64_t> n_evictions_{0};
    std::atomic<int64_t> n_steps_{0};
    std::atomic<double> step_seconds_sum_{0};

    std::thread thread_;  // last: it uses all of the above
};

}  // namespace engine
