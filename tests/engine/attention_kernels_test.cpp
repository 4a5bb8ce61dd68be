// What attention is made of: windows, the indexer, top-k, and the sum over chosen rows.
#include <cstring>
#include <numeric>

#include "engine/kernels/half.h"
#include "engine/kernels/indexer.h"
#include "engine/kernels/matrix.h"
#include "engine/kernels/sparse_attention.h"
#include "engine/kernels/top_k.h"
#include "engine/kernels/window.h"
#include "tests/engine/kernels_fixture.h"

using namespace engine;
using namespace engine::kernels;
using namespace kernels_test;

TEST_CASE("window: the last rows in order, whatever the appended blocks", "[kernels]") {
    Random random(7);
    for (int round = 0; round < 30; ++round) {
        const int64_t n_window = random.whole(1, 20);
        Window window(n_window, 2);
        int64_t n = 0;
        for (int step = 0; step < 60; ++step) {
            const int64_t n_block = random.whole(1, n_window);
            float* rows = window.append(n_block);
            for (int64_t i = 0; i < 2 * n_block; ++i) rows[i] = static_cast<float>(2 * n + i);
            n += n_block;
            const int64_t n_seen = std::min(n, n_block + n_window - 1);
            for (int64_t back = 0; back < n_seen; ++back) {
                REQUIRE(window.row(back)[0] == static_cast<float>(2 * (n - 1 - back)));
            }
        }
    }
}

TEST_CASE("indexer: scores against the reference, any range of keys", "[kernels]") {
    Random random(8);
    for (const Isa isa : all_isas()) {
        for (int round = 0; round < 20; ++round) {
            const int64_t n_heads = random.whole(1, 40);
            const int64_t head_dim = random.whole(1, 130);
            const int64_t n_keys = random.whole(1, 200);
            const Floats q = random.floats(n_heads * head_dim);
            const Floats weights = random.floats(n_heads, 0.1f);
            const Floats keys = random.floats(n_keys * head_dim);
            const RowShape shape = random_shape(random, head_dim);
            const auto stored = stored_rows(shape, keys, n_keys);
            const Indexer in{q.data(), weights.data(), {stored.data(), shape}, n_heads};
            Floats scratch(static_cast<size_t>(indexer_scratch(n_heads, head_dim)));
            Floats whole(static_cast<size_t>(n_keys)), pieces(whole.size()), expected(whole.size());
            indexer_scores(ops(isa), in, 0, n_keys, scratch.data(), whole.data());
            const int64_t cut = random.whole(0, n_keys);
            indexer_scores(ops(isa), in, 0, cut, scratch.data(), pieces.data());
            indexer_scores(ops(isa), in, cut, n_keys, scratch.data(), pieces.data());
            ref::indexer_scores(in, 0, n_keys, expected.data());
            check_close(whole, expected, tolerance(head_dim) * static_cast<double>(n_heads));
            CHECK(whole == pieces);
        }
    }
}

// Of the bf16 numbers that it multiplies, in float64.
TEST_CASE("indexer: a panel's scores against the reference, any range of keys", "[kernels]") {
    Random random(12);
    int n_compared = 0;
    for (const Isa isa : all_isas()) {
        if (ops(isa).index_scores == nullptr) continue;
        for (int round = 0; round < 40; ++round) {
            const int64_t n_heads = random.whole(1, 150);
            const int64_t width = 2 * random.whole(1, 70);
            const int64_t n_keys = random.whole(1, 200);
            Floats q = random.floats(n_heads * width);
            for (float& x : q) x = bf16_to_f32(f32_to_bf16(x));
            const Floats weights = random.floats(n_heads, 0.1f);
            const RowShape shape{round % 2 == 0 ? RowFormat::bf16 : RowFormat::fp4, width, 0};
            const auto stored = stored_rows(shape, random.floats(n_keys * width), n_keys);
            std::vector<uint32_t> pairs(static_cast<size_t>(index_panel_pairs(n_heads, width)));
            pack_index_panel(q.data(), n_heads, width, pairs.data());
            const IndexPanel panel{pairs.data(), weights.data(), n_heads, width};
            const StoredRows keys{stored.data(), shape};
            Floats scratch(static_cast<size_t>(indexer_scratch(n_heads, width)));
            Floats whole(static_cast<size_t>(n_keys)), pieces(whole.size()), expected(whole.size());
            indexer_scores(ops(isa), panel, keys, 0, n_keys, scratch.data(), whole.data());
            const int64_t cut = random.whole(0, n_keys);
            indexer_scores(ops(isa), panel, keys, 0, cut, scratch.data(), pieces.data());
            indexer_scores(ops(isa), panel, keys, cut, n_keys, scratch.data(), pieces.data());
            ref::indexer_scores({q.data(), weights.data(), keys, n_heads}, 0, n_keys,
                                expected.data());
            check_close(whole, expected, tolerance(width) * static_cast<double>(n_heads));
            CHECK(whole == pieces);
            ++n_compared;
        }
    }
    CHECK((n_compared > 0 || best_isa() < Isa::avx512));
}

TEST_CASE("top_k: ties by index, and NaN does no harm", "[kernels]") {
    Random random(9);
    for (int round = 0; round < 200; ++round) {
        const int64_t n = random.whole(1, 60);
        const int64_t k = random.whole(1, 70);
        Floats scores(static_cast<size_t>(n));
        for (float& x : scores) x = static_cast<float>(random.whole(-2, 2)) * 0.5f;  // many ties
        if (scores[0] == 0) scores[0] = -0.0f;
        std::vector<uint64_t> scratch(scores.size());
        std::vector<int32_t> chosen(scores.size()), expected(scores.size());
        const int64_t n_chosen = top_k(scores.data(), n, k, scratch.data(), chosen.data());
        REQUIRE(n_chosen == ref::top_k(scores.data(), n, k, expected.data()));
        CHECK(chosen == expected);
    }
    const Floats broken = {NAN, 1, -NAN, INFINITY, NAN, -INFINITY};
    std::vector<uint64_t> scratch(6);
    std::vector<int32_t> chosen(6);
    CHECK(top_k(broken.data(), 6, 4, scratch.data(), chosen.data()) == 4);
    chosen.resize(4);
    std::sort(chosen.begin(), chosen.end());
    CHECK(std::adjacent_find(chosen.begin(), chosen.end()) == chosen.end());
    CHECK(chosen.back() < 6);
}

TEST_CASE("sparse attention: heads together or alone, against the reference", "[kernels]") {
    Random random(10);
    for (const Isa isa : all_isas()) {
        for (int round = 0; round < 30; ++round) {
            const int64_t n_heads = random.whole(1, 9);
            const int64_t head_dim = random.whole(1, 140);
            const int64_t n_rows = random.whole(1, 70);
            const Floats q = random.floats(n_heads * head_dim);
            Floats rows = random.floats(n_rows * head_dim);
            const Floats sink = random.floats(n_heads, 2);
            const auto row_pointers = pointers(rows, n_rows, head_dim);
            const std::vector<const float*> shared(row_pointers.begin(), row_pointers.end());
            SparseAttention in;
            in.q = q.data();
            in.n_heads = n_heads;
            in.head_dim = head_dim;
            in.rows = shared.data();
            in.n_rows = n_rows;
            in.sink = sink.data();
            in.scale = 0.2f;
            Floats scores(static_cast<size_t>(n_heads * n_rows));
            Floats expanded(static_cast<size_t>(kAttentionBlock * head_dim));
            const AttentionScratch scratch{scores.data(), expanded.data()};
            Floats out(static_cast<size_t>(n_heads * head_dim)), expected(out.size()),
                alone(out.size());
            sparse_attention(ops(isa), in, scratch, out.data());
            ref::sparse_attention(in, expected.data());
            check_close(out, expected, 1e-5);
            for (int64_t h = 0; h < n_heads; ++h) {
                SparseAttention one = in;
                one.q += h * head_dim;
                one.sink += h;
                one.n_heads = 1;
                sparse_attention(ops(isa), one, scratch, alone.data() + h * head_dim);
            }
            CHECK(out == alone);
        }
    }
}

TEST_CASE("sparse attention: a stored row counts as the same row unpacked", "[kernels]") {
    Random random(11);
    for (const Isa isa : all_isas()) {
        for (int round = 0; round < 30; ++round) {
            const int64_t n_heads = random.whole(1, 9);
            const int64_t head_dim = random.whole(1, 140);
            const int64_t n_rows = random.whole(1, 300);
            const int64_t n_plain = random.whole(0, n_rows);
            const RowShape shape = random_shape(random, head_dim);
            const Floats q = random.floats(n_heads * head_dim);
            const Floats sink = random.floats(n_heads, 2);
            Floats rows = random.floats(n_rows * head_dim);
            for (int64_t r = 0; r < n_rows; ++r) round_row(shape, rows.data() + r * head_dim);
            const auto packed = stored_rows(shape, rows, n_rows);
            std::vector<const float*> plain;
            std::vector<const std::byte*> stored;
            for (int64_t r = 0; r < n_rows; ++r) {
                plain.push_back(rows.data() + r * head_dim);
                if (r >= n_plain) stored.push_back(StoredRows{packed.data(), shape}.row(r));
            }
            Floats scores(static_cast<size_t>(n_heads * n_rows));
            Floats expanded(static_cast<size_t>(kAttentionBlock * head_dim));
            SparseAttention in;
            in.q = q.data();
            in.n_heads = n_heads;
            in.head_dim = head_dim;
            in.rows = plain.data();
            in.n_rows = n_rows;
            in.sink = sink.data();
            in.scale = 0.2f;
            SparseAttention mixed = in;
            mixed.n_rows = n_plain;
            mixed.stored = stored.data();
            mixed.n_stored = n_rows - n_plain;
            mixed.shape = shape;
            Floats out(static_cast<size_t>(n_heads * head_dim)), expected(out.size());
            sparse_attention(ops(isa), in, {scores.data(), expanded.data()}, expected.data());
            sparse_attention(ops(isa), mixed, {scores.data(), expanded.data()}, out.data());
            const bool same = out == expected;
            CHECK(same);
            ref::sparse_attention(mixed, expected.data());
            check_close(out, expected, 1e-5);
        }
    }
}
