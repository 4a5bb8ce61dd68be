#include <algorithm>

#include "engine/kernels/rms_norm.h"
#include "engine/model/buffers.h"

namespace engine {

void enter_site(const HcWeights& site, Vector norm, Workspace::Buffers& b) {
    const ModelConfig& c = b.config;
    kernels::MatmulJob project = job(site.fn, b.streams, b.hc_raw, b.n_tokens);
    kernels::matmul(b.pool, b.ops, {&project, 1});
    const kernels::HcSite shape{c.n_hc, c.hc_sinkhorn_iters, c.hc_eps, site.base, site.scale};
    b.pool.run(b.n_tokens, [&](int64_t t, int) {
        const float reciprocal =
            kernels::rms_reciprocal(b.ops, b.streams[t], c.n_hc * c.n_embd, c.rms_eps);
        auto& coefficients = b.hc[static_cast<size_t>(t)];
        kernels::hc_coefficients(shape, b.hc_raw[t], reciprocal, coefficients);
        kernels::hc_collapse(coefficients.pre, c.n_hc, b.streams[t], c.n_embd, b.hidden[t]);
        kernels::rms_norm(b.ops, b.hidden[t], norm, c.n_embd, c.rms_eps, b.hidden[t]);
        if (b.rounded) {
            std::copy_n(b.hidden[t], c.n_embd, b.hidden_rounded[t]);
            round_input(b.hidden_rounded[t], c.n_embd);
        }
        b.hidden_packed.pack(b.ops, t, {b.quantised_input()[t], b.hidden[t]});
    });
}

void leave_site(int64_t token, Workspace::Buffers& b) {
    kernels::hc_expand(b.hc[static_cast<size_t>(token)], b.config.n_hc, b.sub_out[token],
                       b.config.n_embd, b.streams[token]);
}

}  // namespace engine
