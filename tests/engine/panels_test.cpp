// Panels hold what the rows held, and every table of products agrees with double sums of it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "engine/kernels/dequantise.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/half.h"
#include "engine/kernels/pack.h"
#include "engine/kernels/panel_ops.h"

using namespace engine::kernels;
using engine::Dtype;

namespace {

std::vector<Isa> isas() {
    std::vector<Isa> all;
    for (const Isa isa : engine::kernels::kIsas) {
        if (isa <= best_isa()) all.push_back(isa);
    }
    return all;
}

class AlignedBytes {
public:
    explicit AlignedBytes(int64_t n) : room_(static_cast<size_t>(n + 64)) {
        void* at = room_.data();
        size_t left = room_.size();
        data_ = static_cast<std::byte*>(std::align(64, static_cast<size_t>(n), at, left));
    }
    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }

private:
    std::vector<std::byte> room_;
    std::byte* data_;
};

// Random rows of a format, every code among them.
struct Stored {
    std::vector<uint8_t> bytes, codes_of_scales;
    std::vector<float> scales;
    Matrix matrix;
};

Stored random_matrix(Dtype dtype, int64_t rows, int64_t cols, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 0.05f);
    Stored s;
    s.bytes.resize(static_cast<size_t>(rows * engine::bytes_of(dtype, cols)));
    for (auto& byte : s.bytes) byte = static_cast<uint8_t>(random());
    const int64_t n_blocks = (cols + 31) / 32;
    uint8_t* at = s.bytes.data();
    if (dtype == Dtype::f32 || dtype == Dtype::bf16) {
        for (int64_t i = 0; i < rows * cols; ++i) {
            const float value = normal(random);
            const uint16_t half = f32_to_bf16(value);
            if (dtype == Dtype::f32) {
                std::memcpy(at + i * 4, &value, 4);
            } else {
                std::memcpy(at + i * 2, &half, 2);
            }
        }
    } else if (dtype == Dtype::q8_0) {
        for (int64_t b = 0; b < rows * n_blocks; ++b) {
            const uint16_t scale = f32_to_f16(normal(random) * 0.1f);
            std::memcpy(at + b * 34, &scale, 2);
        }
    } else if (dtype == Dtype::mxfp4) {
        for (int64_t b = 0; b < rows * n_blocks; ++b) {
            at[b * 17] = static_cast<uint8_t>(118 + random() % 8);
        }
    } else if (dtype == Dtype::fp4) {
        for (int64_t b = 0; b < rows * n_blocks; ++b) {
            s.codes_of_scales.push_back(static_cast<uint8_t>(118 + random() % 8));
        }
    } else if (dtype == Dtype::fp8) {
        for (auto& byte : s.bytes) {
            if ((byte & 127) == 127) byte = 0;  // NaN
        }
        s.scales.resize(static_cast<size_t>((rows + 127) / 128 * ((cols + 127) / 128)));
        for (auto& scale : s.scales) {
            scale = std::ldexp(1.0f, -static_cast<int>(random() % 6) - 20);
        }
    }
    s.matrix = {s.bytes.data(), dtype, rows, cols, nullptr, 0};
    if (dtype == Dtype::fp4) s.matrix.scales = s.codes_of_scales.data();
    if (dtype == Dtype::fp8) s.matrix.scales = s.scales.data();
    return s;
}

struct Packed {
    PanelType type;
    AlignedBytes bytes;
    PanelProduct product;
};

Packed packed(const Matrix& m, PanelType type) {
    const float unit = panel_unit(m, type);
    const int64_t n = n_panels(m.rows);
    Packed p{type, AlignedBytes(n * panel_bytes(type, m.cols)), {}};
    // In two parts, as threads do it.
    pack(m, type, unit, n / 2, n, p.bytes.data());
    pack(m, type, unit, 0, n / 2, p.bytes.data());
    p.product.panels = p.bytes.data();
    p.product.rows = m.rows;
    p.product.cols = m.cols;
    p.product.unit = unit;
    return p;
}

std::vector<float> row_of(const Matrix& m, int64_t i) {
    std::vector<float> row(static_cast<size_t>(m.cols));
    dequantise(m, i, 0, m.cols, row.data());
    return row;
}

// Activations of one matrix's width, ready for both kinds of panel.
struct Inputs {
    std::vector<AlignedBytes> rows;
    std::vector<const std::byte*> pointers;

    Inputs(PanelType type, Isa isa, int64_t n, int64_t cols, uint32_t seed) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal(0, 1);
        std::vector<float> x(static_cast<size_t>(cols));
        const int64_t bytes =
            type == PanelType::bf16 ? rounded_row_bytes(cols) : QuantisedRow::bytes(cols);
        for (int64_t j = 0; j < n; ++j) {
            for (auto& v : x) v = normal(random);
            rows.emplace_back(bytes);
            const PanelOps& ops = panel_ops(isa);
            (type == PanelType::bf16 ? ops.round : ops.quantise)(x.data(), cols,
                                                                 rows.back().data());
        }
        for (auto& row : rows) pointers.push_back(row.data());
    }
};

std::vector<float> multiply(const Packed& p, Isa isa, std::span<const std::byte* const> x) {
    const auto n = static_cast<int64_t>(x.size());
    std::vector<float> y(static_cast<size_t>(n * p.product.rows), NAN);
    std::vector<float*> rows;
    for (int64_t j = 0; j < n; ++j) rows.push_back(y.data() + j * p.product.rows);
    PanelProduct in = p.product;
    in.x = x.data();
    in.n = n;
    in.y = rows.data();
    const PanelOps& ops = panel_ops(isa);
    (p.type == PanelType::q8    ? ops.multiply_q8
     : p.type == PanelType::fp4 ? ops.multiply_fp4
                                : ops.multiply_bf16)(in);
    return y;
}

struct Case {
    Dtype dtype;
    int64_t rows, cols;
};

const std::vector<Case> kCases = {
    {Dtype::q8_0, 16, 32}, {Dtype::q8_0, 37, 224}, {Dtype::mxfp4, 48, 256}, {Dtype::mxfp4, 21, 96},
    {Dtype::fp4, 33, 160}, {Dtype::fp8, 130, 140}, {Dtype::fp8, 16, 256},   {Dtype::bf16, 32, 128},
    {Dtype::bf16, 70, 45}, {Dtype::f32, 19, 301},
};

}  // namespace

TEST_CASE("panels: q8_0, fp4, mxfp4 and bf16 keep every number, others are rounded to a step",
          "[kernels]") {
    uint32_t seed = 0;
    for (const Case& c : kCases) {
        INFO(to_string(c.dtype) << ' ' << c.rows << " x " << c.cols);
        const Stored stored = random_matrix(c.dtype, c.rows, c.cols, ++seed);
        const PanelType type = panel_type(c.dtype);
        const Packed p = packed(stored.matrix, type);
        const bool rounded = c.dtype == Dtype::fp8 || c.dtype == Dtype::f32;
        for (int64_t i = 0; i < c.rows; ++i) {
            const auto row = row_of(stored.matrix, i);
            for (int64_t col = 0; col < c.cols; ++col) {
                const double expected = static_cast<double>(row[static_cast<size_t>(col)]);
                const double held = ref::panel_weight(type, p.product, i, col);
                if (!rounded) {
                    REQUIRE(held == expected);
                    continue;
                }
                double largest = 0;
                const int64_t begin = col / 32 * 32;
                for (int64_t k = begin; k < std::min(begin + 32, c.cols); ++k) {
                    largest = std::max(largest,
                                       std::fabs(static_cast<double>(row[static_cast<size_t>(k)])));
                }
                const double step = type == PanelType::bf16 ? std::fabs(expected) / 256
                                                            : largest / 127 * (0.5 + 1.0 / 16);
                REQUIRE(std::fabs(held - expected) <= step);
            }
        }
    }
}

TEST_CASE("panels: a matrix of tiny numbers keeps its precision", "[kernels]") {
    std::vector<float> numbers(64);
    for (size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] = std::ldexp(static_cast<float>(i) - 32, -100);
    }
    const Matrix m{numbers.data(), Dtype::f32, 1, 64, nullptr, 0};
    const Packed p = packed(m, PanelType::q8);
    for (int64_t c = 0; c < 64; ++c) {
        CHECK(ref::panel_weight(PanelType::q8, p.product, 0, c) ==
              Approx(static_cast<double>(numbers[static_cast<size_t>(c)]))
                  .margin(std::ldexp(0.2, -100)));
    }
}

TEST_CASE("panels: every table is within rounding of double sums of the same numbers",
          "[kernels]") {
    uint32_t seed = 100;
    for (const Case& c : kCases) {
        const Stored stored = random_matrix(c.dtype, c.rows, c.cols, ++seed);
        for (const PanelType type : {panel_type(c.dtype), PanelType::q8, PanelType::bf16}) {
            const Packed p = packed(stored.matrix, type);
            for (const Isa isa : isas()) {
                INFO(to_string(c.dtype) << " as " << to_string(type) << ' ' << c.rows << " x "
                                        << c.cols << ' ' << to_string(isa));
                const Inputs x(type, isa, 3, c.cols, seed);
                const auto y = multiply(p, isa, x.pointers);
                std::vector<float> expected(y.size());
                std::vector<float*> rows;
                for (int64_t j = 0; j < 3; ++j) rows.push_back(expected.data() + j * c.rows);
                PanelProduct in = p.product;
                in.x = x.pointers.data();
                in.n = 3;
                in.y = rows.data();
                ref::multiply(type, in);
                for (size_t k = 0; k < y.size(); ++k) {
                    double magnitude = 0;
                    const auto i = static_cast<int64_t>(k) % c.rows;
                    const std::byte* one = x.pointers[k / static_cast<size_t>(c.rows)];
                    for (int64_t col = 0; col < c.cols; ++col) {
                        magnitude += std::fabs(ref::panel_weight(type, in, i, col) *
                                               ref::activation(type, one, c.cols, col));
                    }
                    REQUIRE(std::fabs(static_cast<double>(y[k] - expected[k])) <=
                            magnitude * 2e-6 + 1e-30);
                }
            }
        }
    }
}

TEST_CASE("panels: a token's bits do not depend on the tile it is in", "[kernels]") {
    uint32_t seed = 200;
    for (const Case& c :
         {Case{Dtype::q8_0, 53, 224}, Case{Dtype::mxfp4, 64, 160}, Case{Dtype::bf16, 37, 77}}) {
        const Stored stored = random_matrix(c.dtype, c.rows, c.cols, ++seed);
        const Packed p = packed(stored.matrix, panel_type(c.dtype));
        for (const Isa isa : isas()) {
            const Inputs x(p.type, isa, 31, c.cols, seed);
            const std::span<const std::byte* const> all = x.pointers;
            std::vector<float> alone;
            for (size_t j = 0; j < all.size(); ++j) {
                const auto y = multiply(p, isa, all.subspan(j, 1));
                alone.insert(alone.end(), y.begin(), y.end());
            }
            for (size_t n = 2; n <= all.size(); ++n) {
                INFO(to_string(p.type) << ' ' << to_string(isa) << ", tokens " << n);
                const auto y = multiply(p, isa, all.subspan(0, n));
                REQUIRE(std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)) == 0);
            }
        }
    }
}

TEST_CASE("panels: integer products are the same bits with AVX2 and AVX-512", "[kernels]") {
    if (best_isa() < Isa::avx512) return;
    for (const Case& c : {Case{Dtype::q8_0, 53, 224}, Case{Dtype::mxfp4, 64, 160}}) {
        const Stored stored = random_matrix(c.dtype, c.rows, c.cols, 300);
        const Packed p = packed(stored.matrix, panel_type(c.dtype));
        const Inputs a(p.type, Isa::avx2, 5, c.cols, 1);
        const Inputs b(p.type, Isa::avx512, 5, c.cols, 1);
        const auto y = multiply(p, Isa::avx2, a.pointers);
        const auto z = multiply(p, Isa::avx512, b.pointers);
        CHECK(std::memcmp(y.data(), z.data(), y.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("panels: activations are rounded alike everywhere, tails and nonsense included",
          "[kernels]") {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 3);
    for (const int64_t cols : {1, 31, 32, 100, 256}) {
        std::vector<float> x(static_cast<size_t>(cols));
        for (auto& v : x) v = normal(random);
        x[0] = 0;
        AlignedBytes expected(QuantisedRow::bytes(cols));
        panel_ops(Isa::portable).quantise(x.data(), cols, expected.data());
        AlignedBytes halves(rounded_row_bytes(cols));
        panel_ops(Isa::portable).round(x.data(), cols, halves.data());
        for (const Isa isa : isas()) {
            AlignedBytes row(QuantisedRow::bytes(cols));
            panel_ops(isa).quantise(x.data(), cols, row.data());
            const auto n = static_cast<size_t>(padded_cols(cols) * 11 / 8);
            CHECK(std::memcmp(row.data(), expected.data(), n) == 0);
            AlignedBytes half(rounded_row_bytes(cols));
            panel_ops(isa).round(x.data(), cols, half.data());
            CHECK(std::memcmp(half.data(), halves.data(),
                              static_cast<size_t>(rounded_row_bytes(cols))) == 0);
        }
        for (int64_t c = 0; c < cols; ++c) {
            CHECK(ref::activation(PanelType::q8, expected.data(), cols, c) ==
                  Approx(static_cast<double>(x[static_cast<size_t>(c)])).margin(20.0 / 254));
        }
    }
    const float broken[3] = {NAN, INFINITY, 1};
    for (const Isa isa : isas()) {
        AlignedBytes row(QuantisedRow::bytes(3));
        panel_ops(isa).quantise(broken, 3, row.data());
        for (int64_t c = 0; c < 3; ++c) {
            CHECK(std::to_integer<int8_t>(row.data()[c]) >= -127);
        }
    }
}
