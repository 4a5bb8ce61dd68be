#include "engine/scheduler/scheduler.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "config/ensure.h"
#include "engine/scheduler/request_check.h"

namespace engine {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

Scheduler::Scheduler(const SchedulerConfig& config, Decoder& decoder, const Tokenizer& tokenizer,
                     const ControlIds& controls, CallMemory* memory)
    : config_(config),
      decoder_(decoder),
      tokenizer_(tokenizer),
      controls_(controls),
      n_vocab_(decoder.n_vocab()),
      memory_(memory),
      logits_(static_cast<size_t>(config.n_sequences_max) * static_cast<size_t>(n_vocab_)),
      mask_(tokenizer, controls, n_vocab_),
      sampler_(n_vocab_) {
    ENSURE(config.n_sequences_max >= 1 && config.n_queued_max >= 0 && config.n_prefill_tokens >= 1);
    const auto n_places = static_cast<size_t>(config.n_sequences_max);
    live_.reserve(n_places);
    prefilling_.reserve(n_places);
    rows_.reserve(n_places);
    batch_.reserve(n_places);
    for (int place = config.n_sequences_max - 1; place >= 0; --place) free_places_.push_back(place);
    thread_ = std::thread([this] { run(); });
}

Scheduler::~Scheduler() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

Result<SequenceId> Scheduler::submit(Prompt prompt, const Sampling& sampling, const Terms& terms,
                                     TokenSink& sink) {
    if (const auto checked =
            check_request(prompt, sampling, terms.n_output_max, config_.n_ctx, n_vocab_);
        !checked) {
        return tl::unexpected(checked.error());
    }
    AnswerStream answer(tokenizer_, controls_, prompt.thinking, sampling.stop,
                        {prompt.calls, memory_, terms.owner}, sampling.n_reasoning_max,
                        prompt.format);
    const size_t n_prompt = prompt.tokens.size();
    const int64_t kv_bytes = decoder_.kv_bytes(static_cast<int64_t>(n_prompt) + terms.n_output_max);
    Owned sequence(new Sequence{{},
                                n_prompt,
                                sampling,
                                terms,
                                &sink,
                                kv_bytes,
                                std::move(answer),
                                std::move(prompt.tokens)});
    const size_t n_open_max =
        static_cast<size_t>(config_.n_sequences_max) + static_cast<size_t>(config_.n_queued_max);
    SequenceId id;
    {
        const std::lock_guard lock(mutex_);
        if (stop_) return tl::unexpected(Error{Errc::shutting_down, "the engine is closing"});
        if (wishes_.size() >= n_open_max) {
            return tl::unexpected(Error{
                Errc::overloaded, std::to_string(wishes_.size()) + " sequences are open already"});
        }
        id.n = ++n_submitted_;
        sequence->id = id;
        if (!sampling.seed) sequence->sampling.seed = random_bits({config_.seed, id.n});
        wishes_.emplace(id.n, Wishes{});
        line(terms.priority).push(std::move(sequence));
        count_waiting();
        news_ = true;
    }
    wake_.notify_one();
    return id;
}

void Scheduler::cancel(SequenceId id) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = wishes_.find(id.n);
        if (found == wishes_.end()) return;
        found->second.cancel = true;
        for (WaitingQueue& line : waiting_) {
            if (Owned waiting = line.take(id)) cancelled_.push_back(std::move(waiting));
        }
        count_waiting();
        news_ = true;
    }
    wake_.notify_one();
}

void Scheduler::resume(SequenceId id) {
    {
        const std::lock_guard lock(mutex_);
        const auto found = wishes_.find(id.n);
        if (found == wishes_.end()) return;
        found->second.resume = true;
        news_ = true;
    }
    wake_.notify_one();
}

int64_t Scheduler::n_resident(const Prompt& prompt, uint64_t owner) const {
    return decoder_.resident(owner, prompt.tokens);
}

Stats Scheduler::stats() const {
    Stats stats;
    stats.n_sequences_live = n_live_.load(kRelaxed);
    stats.n_sequences_aside = n_aside_.load(kRelaxed);
    stats.n_evictions = n_evictions_.load(kRelaxed);
    stats.n_sequences_waiting = n_waiting_.load(kRelaxed);
    stats.n_kv_tokens = n_kv_tokens_.load(kRelaxed);
    stats.n_prefill_tokens = n_prefill_tokens_.load(kRelaxed);
    stats.n_cached_tokens = n_cached_tokens_.load(kRelaxed);
    stats.prefix_cache_bytes = kept_bytes_.load(kRelaxed);
    stats.n_decode_tokens = n_decode_tokens_.load(kRelaxed);
    stats.n_cancelled_tokens = n_cancelled_tokens_.load(kRelaxed);
    stats.n_steps = n_steps_.load(kRelaxed);
    stats.step_seconds_sum = step_seconds_sum_.load(kRelaxed);
    return stats;
}

void Scheduler::run() {
    while (take_wishes()) {
        publish();
        for (const Owned& sequence : dropped_) end(*sequence, FinishReason::cancelled);
        dropped_.clear();
        for (auto* sequences : {&live_, &aside_}) {
            for (size_t i = sequences->size(); i-- > 0;) {
                Sequence& sequence = *(*sequences)[i];
                if (sequence.cancelled) end(sequence, FinishReason::cancelled);
            }
        }
        if (runnable()) step();
    }
    end_all();
}

bool Scheduler::take_wishes() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stop_ || news_ || admits() || runnable(); });
    if (stop_) return false;
    news_ = false;
    dropped_.swap(cancelled_);
    for (const auto* sequences : {&live_, &aside_}) {
        for (const Owned& sequence : *sequences) note_wishes(*sequence);
    }
    admit_waiting();
    return true;
}

// Under mutex_.
void Scheduler::note_wishes(Sequence& sequence) {
    Wishes& wishes = wishes_.at(sequence.id.n);
    if (wishes.cancel) sequence.cancelled = true;
    if (std::exchange(wishes.resume, false)) sequence.parked = false;
}

bool Scheduler::runnable() const {
    return std::any_of(live_.begin(), live_.end(), [](const Owned& s) { return !s->parked; });
}

void Scheduler::step() {
    build_batch();
    const auto start = std::chrono::steady_clock::now();
    decoder_.step(batch_);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    step_seconds_sum_.store(step_seconds_sum_.load(kRelaxed) + seconds.count(), kRelaxed);
    n_steps_.fetch_add(1, kRelaxed);
    {
        const std::lock_guard lock(mutex_);
        for (const Row& row : rows_) note_wishes(*row.sequence);
    }
    for (const Row& row : rows_) account(row);
    publish();
    for (const Row& row : rows_) take_row(row);
}

void Scheduler::build_batch() {
    rows_.clear();
    batch_.clear();
    prefilling_.clear();
    for (const Owned& owned : live_) {
        Sequence& sequence = *owned;
        if (sequence.prefilling()) {
            prefilling_.push_back(&sequence);
        } else if (!sequence.parked) {
            add_row(sequence, {&sequence.last_token, 1});
        }
    }
    if (prefilling_.empty()) return;
    const auto first = static_cast<std::ptrdiff_t>(n_turns_++ % prefilling_.size());
    std::rotate(prefilling_.begin(), prefilling_.begin() + first, prefilling_.end());
    auto n_left = static_cast<size_t>(config_.n_prefill_tokens);
    for (Sequence* sequence : prefilling_) {
        if (n_left == 0) break;
        if (!sequence->begun) begin(*sequence);
        const auto chunk = sequence->next_chunk(n_left);
        add_row(*sequence, chunk);
        n_left -= chunk.size();
    }
}

// As late as can be, so that what the sequences before it leave behind serves this one.
void Scheduler::begin(Sequence& sequence) {
    const Decoder::Reuse reuse =
        decoder_.begin(sequence.place, sequence.terms.owner, sequence.fed_first);
    ENSURE(reuse.n_tokens < static_cast<int64_t>(sequence.fed_first.size()));
    sequence.begun = true;
    sequence.n_kv = reuse.n_tokens;
    if (sequence.n_prompt_fed == 0) sequence.n_cached = reuse.n_tokens;
    sequence.count_prefilled(static_cast<size_t>(reuse.n_tokens));
    sequence.keep_at = reuse.keep_at;
    n_cached_tokens_.fetch_add(reuse.n_tokens, kRelaxed);
}

void Scheduler::add_row(Sequence& sequence, std::span<const int32_t> tokens) {
    const bool ends_prompt = tokens.size() == sequence.first_rest().size();
    const bool wanted = !sequence.prefilling() || ends_prompt;
    rows_.push_back({&sequence, tokens});
    batch_.push_back({sequence.place, tokens, wanted ? logits_of(sequence).data() : nullptr});
}

void Scheduler::account(const Row& row) {
    Sequence& sequence = *row.sequence;
    const auto n = static_cast<int64_t>(row.tokens.size());
    sequence.n_kv += n;
    if (!sequence.prefilling()) return;
    sequence.count_prefilled(row.tokens.size());
    n_prefill_tokens_.fetch_add(n, kRelaxed);
    if (!sequence.keeps_here()) return;
    decoder_.keep(sequence.place, sequence.terms.owner,
                  std::span(sequence.fed_first).first(sequence.n_prefilled));
}

void Scheduler::take_row(const Row& row) {
    Sequence& sequence = *row.sequence;
    if (sequence.cancelled) {
        if (!sequence.prefilling()) n_cancelled_tokens_.fetch_add(1, kRelaxed);
        end(sequence, FinishReason::cancelled);
        return;
    }
    if (sequence.prefilling()) return;
    std::optional<FinishReason> reason;
    try {
        reason = sample(sequence, logits_of(sequence));
    } catch (const std::exception& e) {
        spdlog::error("engine: sequence {} failed: {}", sequence.id.n, e.what());
        reason = FinishReason::failed;
    }
    if (reason) end(sequence, *reason);
}

std::optional<FinishReason> Scheduler::sample(Sequence& sequence, std::span<const float> logits) {
    const Sampling& sampling = sequence.sampling;
    const Draw draw{*sampling.seed, sequence.n_sampled++};
    const auto use = mask_.next(sequence.answer);
    const auto token = sampler_.sample(logits, use, sampling, draw);
    if (!token) {
        spdlog::error("engine: sequence {}: the model gave no finite logit", sequence.id.n);
        return FinishReason::failed;
    }
    TokenDelta delta;
    const int64_t n_output_before = sequence.answer.n_output();
    sequence.answer.push(*token, logprob_of(sequence, logits, use, *token), delta);
    n_decode_tokens_.fetch_add(sequence.answer.n_output() - n_output_before, kRelaxed);
    std::optional<FinishReason> reason;
    if (sequence.answer.state() == AnswerStream::State::ended) {
        reason = sequence.answer.reason();
    } else if (sequence.answer.n_output() == sequence.terms.n_output_max) {
        sequence.answer.finish(delta);
        reason = FinishReason::length;
    }
    sequence.last_token = *token;
    if (sequence.terms.priority == Priority::batch) sequence.said.push_back(*token);
    deliver(sequence, std::move(delta));
    return reason;
}

std::optional<TokenLogprob> Scheduler::logprob_of(const Sequence& sequence,
                                                  std::span<const float> logits,
                                                  std::span<const TokenUse> use, int32_t token) {
    const bool is_content = sequence.answer.state() == AnswerStream::State::content &&
                            use[static_cast<size_t>(token)] == TokenUse::text;
    if (!sequence.sampling.logprobs || !is_content) return std::nullopt;
    const Logprobs found = sampler_.logprobs(logits, use, token, sequence.sampling.n_top_logprobs);
    TokenLogprob logprob{std::string(tokenizer_.bytes(token)), found.chosen, {}};
    for (const auto& [id, value] : found.top) {
        logprob.top.emplace_back(tokenizer_.bytes(id), value);
    }
    return logprob;
}

void Scheduler::deliver(Sequence& sequence, TokenDelta&& delta) {
    if (delta.reasoning.empty() && delta.content.empty() && delta.logprobs.empty() &&
        delta.calls.empty()) {
        return;
    }
    if (!sequence.sink->on_delta(std::move(delta))) sequence.parked = true;
}

std::span<float> Scheduler::logits_of(const Sequence& sequence) {
    const auto n = static_cast<size_t>(n_vocab_);
    return std::span(logits_).subspan(static_cast<size_t>(sequence.place) * n, n);
}

// Out of the batch, or from aside, if it is there.
Scheduler::Owned Scheduler::leave(const Sequence& sequence) {
    for (auto* sequences : {&live_, &aside_}) {
        const auto at = std::find_if(sequences->begin(), sequences->end(),
                                     [&](const Owned& owned) { return owned.get() == &sequence; });
        if (at == sequences->end()) continue;
        Owned own = std::move(*at);
        sequences->erase(at);
        kv_bytes_ -= own->kv_bytes;
        if (own->place < 0) {
            decoder_.drop(own->id.n);
        } else {
            decoder_.clear(own->place);
            free_places_.push_back(own->place);
        }
        return own;
    }
    return nullptr;
}

// The sequence is gone from every book before its sink hears of it, so that whoever waits for
// on_end finds its place free. `sequence` is not to be used afterwards, unless the caller owns it.
void Scheduler::end(Sequence& sequence, FinishReason reason) {
    const TokenUsage usage = sequence.usage();
    TokenSink& sink = *sequence.sink;
    {
        const std::lock_guard lock(mutex_);
        wishes_.erase(sequence.id.n);
    }
    const Owned own = leave(sequence);
    publish();
    sink.on_end(reason, usage);
}

void Scheduler::end_all() {
    {
        const std::lock_guard lock(mutex_);
        dropped_.swap(cancelled_);
        for (WaitingQueue& line : waiting_) {
            while (Owned waiting = line.pop()) dropped_.push_back(std::move(waiting));
        }
        n_waiting_.store(0, kRelaxed);
    }
    for (auto* sequences : {&live_, &aside_}) {
        while (!sequences->empty()) end(*sequences->back(), FinishReason::cancelled);
    }
    for (const Owned& sequence : dropped_) end(*sequence, FinishReason::cancelled);
    dropped_.clear();
}

void Scheduler::publish() {
    int64_t n_kv = 0;
    for (const auto* sequences : {&live_, &aside_}) {
        for (const Owned& sequence : *sequences) n_kv += sequence->n_kv;
    }
    n_live_.store(static_cast<int>(live_.size() + aside_.size()), kRelaxed);
    n_aside_.store(static_cast<int>(aside_.size()), kRelaxed);
    n_kv_tokens_.store(n_kv, kRelaxed);
    kept_bytes_.store(decoder_.kept_bytes(), kRelaxed);
}

}  // namespace engine
