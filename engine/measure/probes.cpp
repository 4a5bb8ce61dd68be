#include "engine/measure/probes.h"

#include <chrono>
#include <cstring>

#include "engine/kernels/panel_ops.h"

namespace engine {
namespace {

using kernels::PanelProduct;
using kernels::PanelType;
using kernels::QuantisedRow;

constexpr int64_t kBytes = int64_t{512} << 20;
constexpr int64_t kPieces = 2048;
constexpr int64_t kWordsPerPiece = kBytes / kPieces / 8;

constexpr int64_t kCols = 512;
constexpr int64_t kRows = 32;
constexpr int64_t kTokens = 12;
constexpr int64_t kRepeats = 20000;

}  // namespace

double seconds_of_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

ReadProbe::ReadProbe(kernels::ThreadPool& pool)
    : pool_(pool),
      words_(static_cast<uint64_t*>(storage_.allocate(kBytes))),
      sums_(static_cast<size_t>(kPieces)) {
    for (int64_t i = 0; i < kBytes / 8; ++i) words_[i] = static_cast<uint64_t>(i);
}

double ReadProbe::gigabytes_per_second() {
    const double begin = seconds_of_now();
    pool_.run(kPieces, [&](int64_t piece, int) {
        const uint64_t* words = words_ + piece * kWordsPerPiece;
        uint64_t lanes[32] = {};
        for (int64_t i = 0; i < kWordsPerPiece; i += 32) {
            for (int64_t k = 0; k < 32; ++k) lanes[k] ^= words[i + k];
        }
        for (const uint64_t lane : lanes) sums_[static_cast<size_t>(piece)] += lane;
    });
    return static_cast<double>(kBytes) / (seconds_of_now() - begin) / 1e9;
}

MultiplyProbe::MultiplyProbe(kernels::ThreadPool& pool, kernels::Isa isa)
    : pool_(pool), ops_(kernels::panel_ops(isa)) {
    const int64_t n_bytes = kRows / 16 * kernels::panel_bytes(PanelType::q8, kCols);
    panels_ = static_cast<std::byte*>(storage_.allocate(n_bytes));
    std::memset(panels_, 1, static_cast<size_t>(n_bytes));
    const std::vector<float> ones(static_cast<size_t>(kCols), 1);
    for (int64_t j = 0; j < kTokens; ++j) {
        auto* row = static_cast<std::byte*>(storage_.allocate(QuantisedRow::bytes(kCols)));
        ops_.quantise(ones.data(), kCols, row);
        x_.push_back(row);
    }
    const int64_t per_thread = kTokens * kRows;
    y_.resize(static_cast<size_t>(per_thread * pool.n_threads()));
    for (int64_t i = 0; i < kTokens * pool.n_threads(); ++i) rows_.push_back(y_.data() + i * kRows);
}

double MultiplyProbe::giga_operations_per_second() {
    const double begin = seconds_of_now();
    const int64_t n_items = 8 * pool_.n_threads();
    pool_.run(n_items, [&](int64_t, int thread) {
        const PanelProduct product{
            panels_, kRows, kCols, 1, x_.data(), kTokens, rows_.data() + thread * kTokens};
        for (int64_t i = 0; i < kRepeats / n_items; ++i) ops_.multiply_q8(product);
    });
    const double n = 2.0 * static_cast<double>(kRows * kCols * kTokens) *
                     static_cast<double>(kRepeats / n_items * n_items);
    return n / (seconds_of_now() - begin) / 1e9;
}

}  // namespace engine
