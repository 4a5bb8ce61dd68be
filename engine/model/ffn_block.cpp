#include <algorithm>

#include "engine/kernels/router.h"
#include "engine/kernels/swiglu.h"
#include "engine/model/buffers.h"

namespace engine {
namespace {

class Ffn {
public:
    Ffn(const FfnWeights& w, Workspace::Buffers& b)
        : w_(w), b_(b), c_(b.config), n_used_(c_.n_experts_used), n_slots_(b.n_tokens * n_used_) {}

    void run();
    void combine(int64_t t);

private:
    void route(int64_t t, int thread);
    void group_by_expert();
    void project_in();
    void project_out();
    void round_slot(int64_t slot);
    int64_t slot_begin(int64_t e) const {
        return e == 0 ? 0 : b_.slot_end[static_cast<size_t>(e - 1)];
    }
    int64_t n_slots_of(int64_t e) const {
        return b_.slot_end[static_cast<size_t>(e)] - slot_begin(e);
    }

    const FfnWeights& w_;
    Workspace::Buffers& b_;
    const ModelConfig& c_;
    const int64_t n_used_;
    const int64_t
        n_slots_;  // slot t * n_used + j: token t's j-th expert; behind them the shared expert's
};

void Ffn::route(int64_t t, int thread) {
    ThreadScratch& scratch = b_.threads[static_cast<size_t>(thread)];
    float* s = b_.router[t];
    int32_t* experts = b_.experts.data() + t * n_used_;
    kernels::router_scores(s, c_.n_experts);
    if (w_.tid2eid != nullptr) {
        std::copy_n(w_.tid2eid + b_.tokens[static_cast<size_t>(t)].id * n_used_, n_used_, experts);
    } else {
        kernels::router_choose(s, w_.gate_bias, c_.n_experts, n_used_, scratch.biased.data(),
                               scratch.keys.data(), experts);
    }
    kernels::router_weights(s, experts, n_used_, c_.routed_scale, b_.weights.data() + t * n_used_);
}

// Slots ordered by expert, so that each expert's weights are read once for all its tokens.
void Ffn::group_by_expert() {
    std::fill(b_.slot_end.begin(), b_.slot_end.end(), 0);
    for (int64_t slot = 0; slot < n_slots_; ++slot) {
        ++b_.slot_end[static_cast<size_t>(b_.experts[static_cast<size_t>(slot)])];
    }
    int64_t begin =
        0;  // slot_end holds counts, then where each expert's next slot goes, then the ends
    for (int64_t& end : b_.slot_end) {
        const int64_t n = end;
        end = begin;
        begin += n;
    }
    for (int64_t slot = 0; slot < n_slots_; ++slot) {
        int64_t& next = b_.slot_end[static_cast<size_t>(b_.experts[static_cast<size_t>(slot)])];
        const auto i = static_cast<size_t>(next++);
        b_.slot_hidden.set(static_cast<int64_t>(i), b_.quantised_input()[slot / n_used_],
                           b_.hidden_packed, slot / n_used_);
        b_.slot_gate[i] = b_.gate[slot];
        b_.slot_middle.set(static_cast<int64_t>(i), b_.gate[slot], b_.gate_packed, slot);
        b_.slot_up[i] = b_.up[slot];
        b_.slot_out[i] = b_.expert_out[slot];
    }
}

void Ffn::project_in() {
    b_.jobs.clear();
    for (int64_t e = 0; e < c_.n_experts; ++e) {
        const int64_t n = n_slots_of(e);
        if (n == 0) continue;
        const ExpertWeights& expert = w_.experts[static_cast<size_t>(e)];
        const kernels::MatmulInput x = b_.slot_hidden.from(slot_begin(e));
        b_.jobs.push_back({expert.w1, x, b_.slot_gate.data() + slot_begin(e), n});
        b_.jobs.push_back({expert.w3, x, b_.slot_up.data() + slot_begin(e), n});
    }
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
}

void Ffn::project_out() {
    b_.jobs.clear();
    for (int64_t e = 0; e < c_.n_experts; ++e) {
        const int64_t n = n_slots_of(e);
        if (n == 0) continue;
        b_.jobs.push_back({w_.experts[static_cast<size_t>(e)].w2,
                           b_.slot_middle.from(slot_begin(e)), b_.slot_out.data() + slot_begin(e),
                           n});
    }
    b_.jobs.push_back({w_.shared.w2, b_.gate_packed.input(b_.gate.pointers() + n_slots_, n_slots_),
                       b_.expert_out.pointers() + n_slots_, b_.n_tokens});
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
}

void Ffn::run() {
    b_.jobs.clear();
    b_.jobs.push_back(job(w_.gate, b_.hidden, b_.hidden_packed, b_.router, b_.n_tokens));
    const kernels::MatmulInput hidden = b_.hidden_packed.input(b_.quantised_input().pointers());
    b_.jobs.push_back({w_.shared.w1, hidden, b_.gate.pointers() + n_slots_, b_.n_tokens});
    b_.jobs.push_back({w_.shared.w3, hidden, b_.up.pointers() + n_slots_, b_.n_tokens});
    kernels::matmul(b_.pool, b_.ops, b_.jobs);
    b_.pool.run(b_.n_tokens, [&](int64_t t, int thread) { route(t, thread); });
    group_by_expert();
    project_in();
    b_.pool.run(n_slots_ + b_.n_tokens, [&](int64_t slot, int) {
        kernels::swiglu(b_.gate[slot], b_.up[slot], c_.n_ff, c_.swiglu_limit, b_.gate[slot]);
        if (b_.rounded) round_slot(slot);
        b_.gate_packed.pack(b_.ops, slot, b_.gate[slot]);
    });
    project_out();
}

// The official order: an expert's weight comes before its last matrix, so that its input is rounded
// with the weight in it. The shared expert, in the slots behind, has weight 1.
void Ffn::round_slot(int64_t slot) {
    float* x = b_.gate[slot];
    if (slot < n_slots_) {
        const float p = b_.weights[static_cast<size_t>(slot)];
        for (int64_t i = 0; i < c_.n_ff; ++i) x[i] *= p;
    }
    round_input(x, c_.n_ff);
}

// sub_out = shared + sum of p_j * expert_j, in the order of the token's choice.
void Ffn::combine(int64_t t) {
    float* out = b_.sub_out[t];
    std::copy_n(b_.expert_out[n_slots_ + t], c_.n_embd, out);
    for (int64_t j = 0; j < n_used_; ++j) {
        const float p = b_.rounded ? 1 : b_.weights[static_cast<size_t>(t * n_used_ + j)];
        const float* part = b_.expert_out[t * n_used_ + j];
        for (int64_t i = 0; i < c_.n_embd; ++i) out[i] += p * part[i];
    }
}

}  // namespace

void ffn_block(const LayerWeights& w, int64_t layer, Workspace::Buffers& b, ForwardTrace* trace) {
    enter_site(w.hc_ffn, w.ffn_norm, b);
    Ffn ffn(w.ffn, b);
    ffn.run();
    b.pool.run(b.n_tokens, [&](int64_t t, int) {
        ffn.combine(t);
        leave_site(t, b);
    });
    if (trace == nullptr) return;
    const auto n_used = static_cast<size_t>(b.config.n_experts_used);
    const auto n_embd = static_cast<size_t>(b.config.n_embd);
    for (int64_t t = 0; t < b.n_tokens; ++t) {
        const size_t slot = static_cast<size_t>(t) * n_used;
        trace->on_ffn(layer, t, {b.sub_out[t], n_embd}, {b.experts.data() + slot, n_used},
                      {b.weights.data() + slot, n_used},
                      {b.streams[t], n_embd * static_cast<size_t>(b.config.n_hc)});
    }
}

}  // namespace engine
