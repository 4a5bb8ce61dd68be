// Every kernel against its plain reference, on random shapes with odd tails, for every instruction
// set.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "engine/kernels/compressor.h"
#include "engine/kernels/hyper_connection.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/rms_norm.h"
#include "engine/kernels/rope.h"
#include "engine/kernels/router.h"
#include "engine/kernels/swiglu.h"
#include "engine/weights/convert.h"
#include "tests/engine/kernels_fixture.h"
#include "tests/engine/model_fixture.h"

using namespace engine;
using namespace engine::kernels;
using namespace kernels_test;

namespace {

struct Product {
    Floats weights;
    std::vector<uint16_t> halves;
    Matrix matrix;

    Product(Random& random, Dtype dtype, int64_t rows, int64_t cols)
        : weights(random.floats(rows * cols)) {
        for (const float w : weights) halves.push_back(to_bf16(w));
        matrix = {dtype == Dtype::f32 ? static_cast<const void*>(weights.data()) : halves.data(),
                  dtype, rows, cols};
    }
};

}  // namespace

TEST_CASE("matmul: f32 and bf16 against the reference, the same bits for any number of vectors",
          "[kernels]") {
    ThreadPool pool(2);
    Random random(1);
    for (const Isa isa : all_isas()) {
        for (int round = 0; round < 60; ++round) {
            const Dtype dtype = round % 2 == 0 ? Dtype::f32 : Dtype::bf16;
            const int64_t rows = random.whole(1, 90);
            const int64_t cols = random.whole(1, 150);
            const int64_t n = round == 0 ? 230 : random.whole(1, 11);
            Product product(random, dtype, rows, cols);
            Floats x = random.floats(n * cols);
            Floats y(static_cast<size_t>(n * rows), NAN);
            Floats alone = y;
            Floats expected = y;
            const auto xs = pointers(x, n, cols);
            const auto ys = pointers(y, n, rows);
            MatmulJob job{product.matrix, xs.data(), ys.data(), n};
            matmul(pool, ops(isa), {&job, 1});
            const auto alones = pointers(alone, n, rows);
            for (int64_t i = 0; i < n; ++i) {
                ref::matvec(product.matrix, xs[static_cast<size_t>(i)], expected.data() + i * rows);
                MatmulJob one{product.matrix, xs.data() + i, alones.data() + i, 1};
                matmul(pool, ops(isa), {&one, 1});
            }
            check_close(y, expected, tolerance(cols));
            CHECK(std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)) == 0);
        }
    }
}

TEST_CASE("matmul: several jobs in one call, empty ones among them", "[kernels][threads]") {
    ThreadPool pool(3);
    Random random(2);
    Product a(random, Dtype::f32, 33, 20);
    Product b(random, Dtype::bf16, 7, 64);
    Floats xa = random.floats(2 * 20);
    Floats xb = random.floats(64);
    Floats ya(2 * 33), yb(7), expected_a(2 * 33), expected_b(7);
    const auto pxa = pointers(xa, 2, 20), pya = pointers(ya, 2, 33);
    const auto pxb = pointers(xb, 1, 64), pyb = pointers(yb, 1, 7);
    std::vector<MatmulJob> jobs = {{a.matrix, pxa.data(), pya.data(), 0},
                                   {a.matrix, pxa.data(), pya.data(), 2},
                                   {b.matrix, pxb.data(), pyb.data(), 0},
                                   {b.matrix, pxb.data(), pyb.data(), 1}};
    for (int i = 0; i < 200; ++i) matmul(pool, ops(best_isa()), jobs);
    ref::matvec(a.matrix, pxa[0], expected_a.data());
    ref::matvec(a.matrix, pxa[1], expected_a.data() + 33);
    ref::matvec(b.matrix, pxb[0], expected_b.data());
    check_close(ya, expected_a, tolerance(20));
    check_close(yb, expected_b, tolerance(64));
}

TEST_CASE("rms_norm: with and without weight, in place", "[kernels]") {
    Random random(3);
    for (const Isa isa : all_isas()) {
        for (int64_t n = 1; n < 80; n += 3) {
            Floats x = random.floats(n, 3);
            const Floats weight = random.floats(n);
            Floats expected(x.size());
            for (const float* w : {weight.data(), static_cast<const float*>(nullptr)}) {
                ref::rms_norm(x.data(), w, n, 1e-3f, expected.data());
                Floats out = x;
                rms_norm(ops(isa), out.data(), w, n, 1e-3f, out.data());
                check_close(out, expected, 1e-5);
            }
        }
    }
}

TEST_CASE("hyper connection: sinkhorn gives the stored matrices", "[kernels]") {
    const auto unit = model_test::read_json("v4-tiny.golden.json").at("unit");
    for (const int n_iters : {1, 20}) {
        Floats a;
        for (const auto& row : unit.at("sinkhorn_logits")) {
            for (const auto& x : row) a.push_back(x.get<float>());
        }
        Floats expected;
        const char* key = n_iters == 1 ? "sinkhorn_after_1_iter" : "sinkhorn_after_20_iters";
        for (const auto& row : unit.at(key)) {
            for (const auto& x : row) expected.push_back(x.get<float>());
        }
        sinkhorn(a.data(), 4, n_iters, unit.at("sinkhorn_eps").get<float>());
        check_close(a, expected, 2e-6);
    }
}

TEST_CASE("hyper connection: sinkhorn and the mix against their references", "[kernels]") {
    Random random(4);
    for (int round = 0; round < 40; ++round) {
        const int64_t n_hc = random.whole(1, 5);
        const int64_t n_embd = random.whole(1, 200);
        Floats a = random.floats(n_hc * n_hc);
        std::vector<double> a_ref(a.begin(), a.end());
        sinkhorn(a.data(), n_hc, 20, 1e-6f);
        ref::sinkhorn(a_ref.data(), n_hc, 20, 1e-6);
        check_close(a, Floats(a_ref.begin(), a_ref.end()), 2e-6);

        HcCoefficients site{};
        std::copy(a.begin(), a.end(), site.mix);
        const Floats post = random.floats(n_hc);
        std::copy(post.begin(), post.end(), site.post);
        Floats x = random.floats(n_hc * n_embd);
        Floats expected = x;
        const Floats y = random.floats(n_embd);
        hc_expand(site, n_hc, y.data(), n_embd, x.data());
        ref::hc_expand(site, n_hc, y.data(), n_embd, expected.data());
        check_close(x, expected, 2e-6);
    }
}

TEST_CASE("rope: stored tables and turned vectors", "[kernels]") {
    const auto unit = model_test::read_json("v4-tiny.golden.json").at("unit");
    const RopeParams main{10000, 64};
    const RopeParams compress{160000, 64, true, 16, 32, 1, 65536};
    const auto check_table = [&](const RopeParams& params, const char* key) {
        const auto table = rope_frequencies(params);
        REQUIRE(table.size() == unit.at(key).size());
        for (size_t i = 0; i < table.size(); ++i) {
            CHECK(table[i] == Approx(unit.at(key)[i].get<double>()).epsilon(3e-7));
        }
    };
    check_table(main, "inv_freq_main");
    check_table(compress, "inv_freq_compress");

    const auto turned = [](const RopeParams& params, int64_t pos) {
        Floats x(64), turns(64);
        for (size_t k = 0; k < 64; ++k) x[k] = static_cast<float>(k) / 64;
        rope_turns(rope_frequencies(params), pos, turns.data());
        rope_rotate(turns.data(), 64, x.data());
        return x;
    };
    const auto at_3 = turned(main, 3);
    for (size_t i = 0; i < 8; ++i) {
        CHECK(at_3[i] ==
              Approx(unit.at("rope_main_pos3_last64_first8")[i].get<double>()).margin(1e-6));
    }
    const auto at_1000 = turned(compress, 1000);
    for (size_t i = 0; i < 4; ++i) {
        CHECK(at_1000[32 + i] ==
              Approx(unit.at("rope_compress_pos1000_last64_pairs16_17")[i].get<double>())
                  .margin(2e-6));
    }
}

TEST_CASE("rope: turning back undoes turning", "[kernels]") {
    Random random(5);
    for (const int64_t pos : {0, 1, 77, 8191, 1000000}) {
        Floats turns(8);
        rope_turns(rope_frequencies({160000, 8, true, 16, 32, 1, 65536}), pos, turns.data());
        const Floats x = random.floats(8);
        Floats y = x;
        rope_rotate(turns.data(), 8, y.data());
        rope_rotate_back(turns.data(), 8, y.data());
        check_close(y, x, 1e-6);
    }
}

TEST_CASE("compressor: rows of both kinds against the definition", "[kernels]") {
    Random random(6);
    for (int round = 0; round < 40; ++round) {
        CompressorShape shape;
        shape.width = random.whole(1, 150);
        shape.ratio = random.whole(1, 9);
        shape.overlap = round % 2 == 0 ? Overlap::none : Overlap::previous_window;
        const int64_t n_tokens = shape.ratio * 5 + 2;
        const Floats values = random.floats(n_tokens * shape.token_width());
        const Floats gates = random.floats(n_tokens * shape.token_width(), 3);
        const Floats ape = random.floats(shape.ratio * shape.token_width());
        CompressorState state(shape);
        // What was there before a sequence began must not matter.
        std::fill_n(state.values.get(), shape.n_kept() * shape.token_width(), NAN);
        std::fill_n(state.gates.get(), shape.n_kept() * shape.token_width(), NAN);
        Floats row(static_cast<size_t>(shape.width)), expected(row.size());
        int64_t n_rows = 0;
        for (int64_t t = 0; t < n_tokens; ++t) {
            const int64_t offset = t * shape.token_width();
            if (!compressor_push(state, t, values.data() + offset, gates.data() + offset,
                                 ape.data(), row.data())) {
                continue;
            }
            ref::compress_window(shape, values.data(), gates.data(), ape.data(), n_rows++,
                                 expected.data());
            check_close(row, expected, 1e-5);
        }
        CHECK(n_rows == n_tokens / shape.ratio);
    }
}

TEST_CASE("router: stored scores; the bias chooses and does nothing else", "[kernels]") {
    const auto unit = model_test::read_json("v4-tiny.golden.json").at("unit");
    for (const auto& [logit, score] : unit.at("sqrtsoftplus").items()) {
        float s = std::stof(logit);
        router_scores(&s, 1);
        CHECK(s == Approx(score.get<double>()).epsilon(1e-5));
    }
    const Floats s = {0.5f, 2, 1, 1.5f};
    const Floats bias = {3, 0, 0, -1};
    Floats biased(4), weights(2);
    std::vector<uint64_t> keys(4);
    std::vector<int32_t> chosen(2);
    router_choose(s.data(), bias.data(), 4, 2, biased.data(), keys.data(), chosen.data());
    CHECK(chosen == std::vector<int32_t>{0, 1});
    router_weights(s.data(), chosen.data(), 2, 1.5f, weights.data());
    CHECK(weights[0] == Approx(0.3));
    CHECK(weights[1] == Approx(1.2));
}

TEST_CASE("swiglu: clamps above on the gate, on both sides of up, and off at zero", "[kernels]") {
    Random random(11);
    for (const float limit : {0.0f, 0.3f, 10.0f}) {
        const Floats gate = random.floats(77, 5);
        const Floats up = random.floats(77, 5);
        Floats out = gate, expected(77);
        swiglu(out.data(), up.data(), 77, limit, out.data());
        ref::swiglu(gate.data(), up.data(), 77, limit, expected.data());
        check_close(out, expected, 1e-5);
    }
    const float gate = -50, up = 7;
    float out = 0;
    swiglu(&gate, &up, 1, 2, &out);
    CHECK(out == Approx(-50 / (1 + std::exp(50.0)) * 2));
}

TEST_CASE("thread pool: every item once, on any number of threads", "[kernels][threads]") {
    for (const int n_threads : {1, 2, 4}) {
        ThreadPool pool(n_threads);
        for (int64_t n = 0; n < 200; ++n) {
            std::vector<int> seen(static_cast<size_t>(n));
            pool.run(n, [&](int64_t item, int) { ++seen[static_cast<size_t>(item)]; });
            REQUIRE(std::count(seen.begin(), seen.end(), 1) == n);
        }
    }
}
