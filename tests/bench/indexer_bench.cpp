// The lightning indexer alone: one token of the published models' shape against 65,536 keys.
//
//   indexer_bench [THREADS] [ROUNDS] [portable|avx2|avx512|avx512-bf16]
//
// Prints a line for each numeric mode and format of keys: milliseconds, median [range], and ns a
// key.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>
#include <vector>

#include "engine/kernels/indexer.h"
#include "engine/kernels/thread_pool.h"

namespace {

using namespace engine::kernels;

constexpr int64_t kKeys = 65'536;
constexpr int64_t kHeads = 64;
constexpr int64_t kWidth = 128;
constexpr int64_t kKeysPerItem = 512;

std::vector<float> normals(size_t n, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> x(n);
    for (float& value : x) value = normal(random);
    return x;
}

Isa isa_named(std::string_view name) {
    for (const Isa isa : engine::kernels::kIsas) {
        if (name == to_string(isa) && isa <= best_isa()) return isa;
    }
    std::fprintf(stderr, "indexer_bench: no instruction set '%s' here\n", name.data());
    std::exit(2);
}

struct Case {
    const char* name;
    RowFormat format;
    bool by_panel;
};

void measure(const Case& c, const Ops& ops, ThreadPool& pool, int n_threads, int n_rounds) {
    const RowShape shape{c.format, kWidth, 0};
    const auto values = normals(static_cast<size_t>(kKeys * kWidth), 1);
    std::vector<std::byte> keys(static_cast<size_t>(kKeys * shape.bytes()));
    for (int64_t i = 0; i < kKeys; ++i) {
        store_row(shape, values.data() + i * kWidth, keys.data() + i * shape.bytes());
    }
    const auto q = normals(static_cast<size_t>(kHeads * kWidth), 2);
    const auto weights = normals(static_cast<size_t>(kHeads), 3);
    const Indexer in{q.data(), weights.data(), {keys.data(), shape}, kHeads};
    const auto n_scratch = static_cast<size_t>(indexer_scratch(kHeads, kWidth));
    std::vector<std::vector<float>> scratch(static_cast<size_t>(n_threads),
                                            std::vector<float>(n_scratch));
    std::vector<float> scores(static_cast<size_t>(kKeys));
    std::vector<uint32_t> pairs(static_cast<size_t>(index_panel_pairs(kHeads, kWidth)));
    const IndexPanel panel{pairs.data(), weights.data(), kHeads, kWidth};
    const bool by_panel = c.by_panel && ops.index_scores != nullptr;
    std::vector<double> ms;
    for (int round = 0; round <= n_rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        if (by_panel) pack_index_panel(q.data(), kHeads, kWidth, pairs.data());
        pool.run(kKeys / kKeysPerItem, [&](int64_t item, int thread) {
            const int64_t first = item * kKeysPerItem;
            float* own = scratch[static_cast<size_t>(thread)].data();
            if (by_panel) {
                indexer_scores(ops, panel, in.keys, first, first + kKeysPerItem, own,
                               scores.data());
            } else {
                indexer_scores(ops, in, first, first + kKeysPerItem, own, scores.data());
            }
        });
        const std::chrono::duration<double, std::milli> taken =
            std::chrono::steady_clock::now() - begin;
        if (round > 0) ms.push_back(taken.count());  // the first pages everything in
    }
    std::sort(ms.begin(), ms.end());
    const double median = ms[ms.size() / 2];
    std::printf("%-11s  %6.2f ms [%.2f-%.2f]  %5.1f ns a key\n", c.name, median, ms.front(),
                ms.back(), 1e6 * median / kKeys);
}

}  // namespace

int main(int argc, char** argv) {
    const int n_threads = argc > 1 ? std::atoi(argv[1]) : 2;
    const int n_rounds = argc > 2 ? std::atoi(argv[2]) : 21;
    const Isa isa = argc > 3 ? isa_named(argv[3]) : best_isa();
    if (n_threads < 1 || n_rounds < 1) {
        std::fprintf(stderr, "usage: indexer_bench [THREADS] [ROUNDS] [ISA]\n");
        return 2;
    }
    ThreadPool pool(n_threads);
    std::printf("%ld keys, %ld heads of %ld, one token, %d threads, %s, %d rounds\n",
                static_cast<long>(kKeys), static_cast<long>(kHeads), static_cast<long>(kWidth),
                n_threads, to_string(isa), n_rounds);
    for (const Case& c :
         {Case{"exact, f32", RowFormat::f32, false}, Case{"exact, bf16", RowFormat::bf16, false},
          Case{"exact, fp4", RowFormat::fp4, false}, Case{"fast, bf16", RowFormat::bf16, true},
          Case{"fast, fp4", RowFormat::fp4, true}}) {
        measure(c, ops(isa), pool, n_threads, n_rounds);
    }
}
