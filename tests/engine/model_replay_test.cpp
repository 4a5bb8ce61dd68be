// One conversation, fed again and again in other chunks, in other company, parked, put aside and
// taken up again: the same bits each time.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <random>

#include "engine/model/kv_snapshot.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/sanitized.h"

using namespace model_test;

namespace {

constexpr int64_t kTokens = 280;
constexpr int64_t kBatchMax = 96;
constexpr size_t kCompany = 3;
constexpr engine::KvFormat kFormats[] = {engine::KvFormat::f32, engine::KvFormat::bf16,
                                         engine::KvFormat::official};

std::vector<int32_t> random_tokens(std::mt19937& random, int64_t n, int64_t n_vocab) {
    std::vector<int32_t> tokens(static_cast<size_t>(n));
    for (auto& token : tokens) {
        token = static_cast<int32_t>(random() % static_cast<uint64_t>(n_vocab));
    }
    return tokens;
}

class Replay {
public:
    Replay(const engine::Model& model, std::span<const int32_t> conversation,
           engine::kernels::Isa isa, engine::KvFormat format, uint32_t seed)
        : model_(model),
          conversation_(conversation),
          random_(seed),
          width_(static_cast<size_t>(model.config().n_vocab)),
          pool_(1 + static_cast<int>(seed % 2)),
          workspace_(model, pool_, {.n_tokens_max = kBatchMax, .n_ctx = kTokens, .isa = isa}),
          kv_(model.config(), kTokens, format),
          logits_(conversation.size() * width_) {
        for (size_t i = 0; i < kCompany; ++i)
            company_.emplace_back(model.config(), kTokens, format);
    }

    const std::vector<float>& run() {
        while (n_fed_ < static_cast<int64_t>(conversation_.size())) step();
        return logits_;
    }
    int n_put_aside() const { return n_put_aside_; }

private:
    bool once_in(uint32_t n) { return random_() % n == 0; }

    void step() {
        batch_.clear();
        company_tokens_.clear();
        interrupt();
        n_room_ = kBatchMax;
        const bool is_first = once_in(2);
        if (is_first) add_conversation();
        for (auto& kv : company_) add_company(kv);
        if (!is_first) add_conversation();
        if (!batch_.empty()) engine::forward(model_, workspace_, batch_);
    }

    // Out of the batch for a while: held, or put aside while somebody else uses the sequence.
    void interrupt() {
        if (aside_ && once_in(3)) {
            kv_.reset();
            aside_->restore(kv_);
            aside_.reset();
        } else if (!aside_ && n_fed_ > 0 && once_in(6)) {
            aside_.emplace(kv_);
            ++n_put_aside_;
            kv_.reset();
        }
    }

    void add_conversation() {
        if (aside_) return feed_other(kv_);
        if (once_in(4)) return;  // parked
        const int64_t n_left = static_cast<int64_t>(conversation_.size()) - n_fed_;
        const int64_t n = std::min({chunk(), n_left, n_room_});
        if (n == 0) return;
        const auto at = static_cast<size_t>(n_fed_);
        batch_.push_back({&kv_, conversation_.subspan(at, static_cast<size_t>(n)),
                          engine::LogitsWanted::all, logits_.data() + at * width_});
        n_fed_ += n;
        n_room_ -= n;
    }

    void add_company(engine::KvState& kv) {
        if (once_in(3)) return;
        feed_other(kv);
    }

    void feed_other(engine::KvState& kv) {
        const int64_t n = std::min(chunk(), n_room_);
        if (n == 0) return;
        if (kv.n_tokens() + n > kTokens) kv.reset();
        company_tokens_.push_back(random_tokens(random_, n, model_.config().n_vocab));
        batch_.push_back({&kv, company_tokens_.back(), engine::LogitsWanted::none, nullptr});
        n_room_ -= n;
    }

    int64_t chunk() { return once_in(2) ? 1 : 1 + static_cast<int64_t>(random_() % 60); }

    const engine::Model& model_;
    const std::span<const int32_t> conversation_;
    std::mt19937 random_;
    const size_t width_;
    engine::kernels::ThreadPool pool_;
    engine::Workspace workspace_;
    engine::KvState kv_;
    std::vector<engine::KvState> company_;
    std::vector<float> logits_;
    std::optional<engine::KvSnapshot> aside_;
    int64_t n_fed_ = 0;
    int64_t n_room_ = 0;
    int n_put_aside_ = 0;
    std::vector<engine::SequenceChunk> batch_;
    std::vector<std::vector<int32_t>> company_tokens_;
};

void check_replays(const engine::Model& model, engine::kernels::Isa isa, uint32_t n_replays) {
    INFO(engine::kernels::to_string(isa));
    std::mt19937 random(11);
    const auto conversation = random_tokens(random, kTokens, model.config().n_vocab);
    std::vector<std::vector<float>> expected;
    for (const engine::KvFormat format : kFormats) {
        Runner whole(model, 1, kTokens, kTokens, isa, format);
        expected.push_back(whole.run_whole(conversation));
    }
    int n_put_aside = 0;
    for (uint32_t i = 0; i < n_replays; ++i) {
        const size_t format = (i + static_cast<size_t>(isa)) % std::size(kFormats);
        Replay replay(model, conversation, isa, kFormats[format], 100 + i);
        const auto& logits = replay.run();
        n_put_aside += replay.n_put_aside();
        const bool same =
            std::memcmp(logits.data(), expected[format].data(), logits.size() * sizeof(float)) == 0;
        CAPTURE(i, to_string(kFormats[format]));
        CHECK(same);
    }
    CHECK(n_put_aside > static_cast<int>(n_replays));
}

void check_all(uint32_t n_replays) {
    using engine::kernels::Isa;
    const auto exact =
        engine::Model::load(fixture_path("official-quantised"), engine::ModelOptions());
    const auto fast = engine::Model::load(fixture_path("official-quantised"), fast_options());
    REQUIRE(exact);
    REQUIRE(fast);
    for (const Isa isa : engine::kernels::kIsas) {
        if (isa > engine::kernels::best_isa()) continue;
        if (support::kSanitized && isa != Isa::portable && isa != engine::kernels::best_isa())
            continue;
        for (const auto* model : {&exact, &fast}) check_replays(***model, isa, n_replays);
    }
}

}  // namespace

TEST_CASE("replay: other chunks, company and interruptions, the same bits", "[engine][model]") {
    check_all(support::kSanitized ? 1 : 3);
}

TEST_CASE("replay: 50 times", "[engine][model][.slow]") {
    check_all(50);
}
