// Stored number formats: values, roundings, products.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <span>

#include "engine/kernels/dequantise.h"
#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/matmul.h"
#include "engine/kernels/quantised_dots.h"
#include "tests/engine/model_fixture.h"

using namespace engine;
using namespace engine::kernels;
using nlohmann::json;

namespace {

std::vector<uint8_t> from_hex(const std::string& text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < text.size(); i += 2) {
        bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

const std::span kPositiveE4m3(kE4m3.data(), 127);
const std::span kPositiveE2m1(kE2m1.data(), 8);

// Of all values, the nearest to x; of two as near, the one with the even code.
float nearest(std::span<const float> values, float x) {
    size_t best = 0;
    double best_distance = std::numeric_limits<double>::infinity();
    for (size_t code = 0; code < values.size(); ++code) {
        const double distance = std::fabs(static_cast<double>(values[code]) - std::fabs(x));
        if (distance < best_distance || (distance == best_distance && code % 2 == 0)) {
            best = code;
            best_distance = distance;
        }
    }
    return std::copysign(values[best], x);
}

bool same_bits(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

}  // namespace

TEST_CASE("fp8: every code, and the nearest one to any number", "[engine][kernels]") {
    CHECK(kE4m3[0x00] == 0);
    CHECK(kE4m3[0x01] == 0x1p-9f);
    CHECK(kE4m3[0x38] == 1);
    CHECK(kE4m3[0x7e] == 448);
    CHECK(kE4m3[0xfe] == -448);
    CHECK(std::isnan(kE4m3[0x7f]));
    CHECK(std::isnan(kE4m3[0xff]));
    for (int code = 0; code < 256; ++code) {
        const float value = kE4m3[static_cast<size_t>(code)];
        if (!std::isnan(value)) CHECK(to_e4m3(value) == code);
    }
    CHECK(to_e4m3(1e9f) == 0x7e);
    CHECK(to_e4m3(-INFINITY) == 0xfe);
    CHECK(to_e4m3(NAN) == 0x7f);
    std::mt19937 random(1);
    std::uniform_real_distribution<float> exponent(-12, 9);
    for (int i = 0; i < 20'000; ++i) {
        // Every other number lies in the middle of two codes or on one.
        float x = std::exp2(exponent(random));
        if (i % 2 == 0) {
            const auto code = random() % 126;
            x = (kE4m3[code] + kE4m3[code + random() % 2]) / 2;
        }
        if (i % 3 == 0) x = -x;
        INFO(x);
        REQUIRE(same_bits(kE4m3[to_e4m3(x)], nearest(kPositiveE4m3, x)));
    }
}

TEST_CASE("fp4: every code, and the nearest one to any number", "[engine][kernels]") {
    for (uint8_t code = 0; code < 16; ++code) CHECK(to_e2m1(kE2m1[code]) == code);
    CHECK(to_e2m1(100) == 7);
    CHECK(to_e2m1(-100) == 15);
    std::mt19937 random(1);
    std::uniform_real_distribution<float> number(-7, 7);
    for (int i = 0; i < 20'000; ++i) {
        const float x = i % 2 == 0 ? number(random) : std::round(number(random) * 4) / 4;
        INFO(x);
        REQUIRE(same_bits(kE2m1[to_e2m1(x)], nearest(kPositiveE2m1, x)));
    }
}

TEST_CASE("ue8m0: powers of two from the smallest to the largest", "[engine][kernels]") {
    for (int bits = 0; bits < 255; ++bits) {
        CHECK(from_ue8m0(static_cast<uint8_t>(bits)) == std::ldexp(1.0f, bits - 127));
    }
    CHECK(std::isnan(from_ue8m0(255)));
}

TEST_CASE("roundings: the stored unit values, bit for bit", "[engine][kernels]") {
    const auto unit = model_test::read_json("v4-tiny.golden.json").at("unit");
    auto kv = unit.at("kv_fp8_group64_in").get<std::vector<float>>();
    CHECK(power_of_two_scale(700, 1 / 448.0f) == unit.at("kv_fp8_group64_scale").get<float>());
    round_fp8(kv.data(), static_cast<int64_t>(kv.size()), kFp8GroupKv);
    const auto kv_out = unit.at("kv_fp8_group64_out").get<std::vector<float>>();
    REQUIRE(kv.size() == kv_out.size());
    for (size_t i = 0; i < kv.size(); ++i) CHECK(same_bits(kv[i], kv_out[i]));

    auto keys = unit.at("fp4_group32_in").get<std::vector<float>>();
    CHECK(power_of_two_scale(4.2f, 1 / 6.0f) == unit.at("fp4_group32_scale").get<float>());
    round_fp4(keys.data(), static_cast<int64_t>(keys.size()));
    const auto keys_out = unit.at("fp4_group32_out").get<std::vector<float>>();
    REQUIRE(keys.size() == keys_out.size());
    for (size_t i = 0; i < keys.size(); ++i) CHECK(same_bits(keys[i], keys_out[i]));

    auto turned = unit.at("hadamard8_in").get<std::vector<float>>();
    hadamard(turned.data(), 8);
    const auto turned_out = unit.at("hadamard8_out").get<std::vector<float>>();
    // Stored with 8 digits, one too few for the last bit of a float.
    for (size_t i = 0; i < 8; ++i) CHECK(turned[i] == Approx(turned_out[i]).epsilon(1e-7));
}

TEST_CASE("roundings: groups have scales of their own, a short last one too", "[engine][kernels]") {
    std::mt19937 random(3);
    std::normal_distribution<float> number;
    std::vector<float> x(200);
    for (size_t i = 0; i < x.size(); ++i)
        x[i] = number(random) * std::exp2(static_cast<float>(i / 64) * 5);
    auto rounded = x;
    round_fp8(rounded.data(), 200, 64);
    for (size_t begin = 0; begin < 200; begin += 64) {
        const size_t end = std::min<size_t>(begin + 64, 200);
        float largest = 1e-4f;
        for (size_t i = begin; i < end; ++i) largest = std::max(largest, std::fabs(x[i]));
        const double scale = std::exp2(std::ceil(std::log2(static_cast<double>(largest) / 448)));
        for (size_t i = begin; i < end; ++i) {
            const auto scaled = static_cast<float>(static_cast<double>(x[i]) / scale);
            CHECK(rounded[i] == nearest(kPositiveE4m3, scaled) * static_cast<float>(scale));
        }
    }
    std::vector<float> small(5, 1e-11f);
    round_fp8(small.data(), 5, 64);
    CHECK(small == std::vector<float>(5, 0.0f));  // below the floor's resolution
    std::vector<float> zero(40, 0.0f);
    round_fp4(zero.data(), 40);
    CHECK(zero == std::vector<float>(40, 0.0f));
}

TEST_CASE("hadamard: twice is nothing", "[engine][kernels]") {
    std::vector<float> x(64);
    for (size_t i = 0; i < 64; ++i) x[i] = static_cast<float>(i * i % 17);
    auto turned = x;
    hadamard(turned.data(), 64);
    CHECK(turned != x);
    hadamard(turned.data(), 64);
    for (size_t i = 0; i < 64; ++i) CHECK(turned[i] == Approx(x[i]).margin(1e-5));
}

TEST_CASE("gguf blocks: the numbers that another reader makes of random blocks",
          "[engine][kernels]") {
    std::ifstream in(std::string(WEIR_SOURCE_DIR) + "/tests/engine/data/gguf_blocks.json");
    const json vectors = json::parse(in);
    size_t n_formats = 0;
    for (const Dtype dtype :
         {Dtype::q8_0, Dtype::q4_k, Dtype::q2_k, Dtype::iq2_xxs, Dtype::mxfp4}) {
        INFO(to_string(dtype));
        const json& stored = vectors.at(to_string(dtype));
        const auto bytes = from_hex(stored.at("bytes"));
        const auto bits = from_hex(stored.at("f32_bits"));
        const auto n = static_cast<int64_t>(bits.size() / 4);
        REQUIRE(bytes_of(dtype, n) == static_cast<int64_t>(bytes.size()));
        std::vector<float> numbers(static_cast<size_t>(n));
        dequantise({bytes.data(), dtype, 1, n}, 0, 0, n, numbers.data());
        std::vector<float> expected(static_cast<size_t>(n));
        std::memcpy(expected.data(), bits.data(), bits.size());
        CHECK(numbers == expected);  // equal zeros may differ in sign
        ++n_formats;
    }
    CHECK(n_formats == vectors.size());
}

namespace {

constexpr Dtype kAllDtypes[] = {Dtype::f32,     Dtype::bf16, Dtype::f16,  Dtype::fp8,
                                Dtype::fp4,     Dtype::q8_0, Dtype::q4_k, Dtype::q2_k,
                                Dtype::iq2_xxs, Dtype::mxfp4};

// Random bytes that are numbers of ordinary size in each format.
struct RandomMatrix {
    std::vector<uint8_t> bytes;
    std::vector<float> fp8_scales;
    std::vector<uint8_t> fp4_scales;
    Matrix matrix;

    RandomMatrix(Dtype dtype, int64_t rows, int64_t cols, uint32_t seed) {
        std::mt19937 random(seed);
        bytes.resize(static_cast<size_t>(bytes_of(dtype, rows * cols)));
        for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
        tame(dtype);
        for (int64_t i = 0; i < (rows / 128 + 1) * (cols / 128 + 1); ++i) {
            fp8_scales.push_back(std::ldexp(1.0f, static_cast<int>(random() % 9) - 12));
        }
        for (int64_t i = 0; i < rows * (cols / 32 + 1); ++i) {
            fp4_scales.push_back(static_cast<uint8_t>(120 + random() % 9));
        }
        matrix = {bytes.data(), dtype, rows, cols};
        if (dtype == Dtype::fp8) matrix.scales = fp8_scales.data();
        if (dtype == Dtype::fp4) matrix.scales = fp4_scales.data();
    }

    void put(size_t at, uint16_t half) { std::memcpy(bytes.data() + at, &half, 2); }
    void tame(Dtype dtype) {
        const auto size = static_cast<size_t>(block_shape(dtype).bytes);
        for (size_t at = 0; at + size <= bytes.size(); at += size) {
            const float number = static_cast<float>(bytes[at]) / 64 - 2;
            const auto half = static_cast<uint16_t>(0x2000 | bytes[at]);
            if (dtype == Dtype::f32) std::memcpy(bytes.data() + at, &number, 4);
            if (dtype == Dtype::bf16) put(at, static_cast<uint16_t>(0x3f00 | bytes[at]));
            if (dtype == Dtype::f16 || dtype == Dtype::q8_0 || dtype == Dtype::iq2_xxs)
                put(at, half);
            if (dtype == Dtype::fp8 && (bytes[at] & 0x7f) == 0x7f) bytes[at] = 0;
            if (dtype == Dtype::q4_k) put(at, half), put(at + 2, half);
            if (dtype == Dtype::q2_k) put(at + 80, half), put(at + 82, half);
            if (dtype == Dtype::mxfp4) bytes[at] = static_cast<uint8_t>(120 + bytes[at] % 8);
        }
    }
};

std::vector<float> random_numbers(int64_t n, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> number;
    std::vector<float> x(static_cast<size_t>(n));
    for (auto& value : x) value = number(random);
    return x;
}

}  // namespace

TEST_CASE("matmul: every stored format against double sums", "[engine][kernels]") {
    for (const Dtype dtype : kAllDtypes) {
        const int64_t block = block_shape(dtype).n;
        const int64_t rows = 150;
        const int64_t cols = block >= 32 ? block * 3 : 334;
        INFO(to_string(dtype));
        const RandomMatrix w(dtype, rows, cols, 5);
        ThreadPool pool(2);
        constexpr int64_t kVectors = 100;  // more than one call takes
        const auto x = random_numbers(kVectors * cols, 6);
        std::vector<float> y(static_cast<size_t>(kVectors * rows));
        std::vector<const float*> xs;
        std::vector<float*> ys;
        for (int64_t j = 0; j < kVectors; ++j) {
            xs.push_back(x.data() + j * cols);
            ys.push_back(y.data() + j * rows);
        }
        MatmulJob job{w.matrix, xs.data(), ys.data(), kVectors};
        matmul(pool, ops(best_isa()), {&job, 1});
        std::vector<float> expected(static_cast<size_t>(rows));
        std::vector<float> row(static_cast<size_t>(cols));
        for (int64_t j = 0; j < kVectors; ++j) {
            ref::matvec(w.matrix, xs[static_cast<size_t>(j)], expected.data());
            for (int64_t i = 0; i < rows; ++i) {
                dequantise(w.matrix, i, 0, cols, row.data());
                double size = 0;  // of the products: what f32 sums may lose is a share of it
                for (int64_t c = 0; c < cols; ++c) {
                    size += std::fabs(static_cast<double>(row[static_cast<size_t>(c)]) *
                                      static_cast<double>(xs[static_cast<size_t>(j)][c]));
                }
                REQUIRE(std::fabs(ys[static_cast<size_t>(j)][i] -
                                  expected[static_cast<size_t>(i)]) <= 6e-7 * size);
            }
        }
    }
}

TEST_CASE("quantised dots: the same bits alone, in company, and as part of the rows",
          "[engine][kernels]") {
    for (const Dtype dtype : kAllDtypes) {
        INFO(to_string(dtype));
        const int64_t rows = 140;
        const int64_t cols = 512;
        const RandomMatrix w(dtype, rows, cols, 8);
        const auto x = random_numbers(3 * cols, 9);
        const float* xs[3] = {x.data(), x.data() + cols, x.data() + 2 * cols};
        std::vector<float> y(static_cast<size_t>(3 * rows));
        float* ys[3] = {y.data(), y.data() + rows, y.data() + 2 * rows};
        quantised_dots(w.matrix, xs, 3, ys);
        for (int64_t begin = 0; begin < rows; begin += 27) {
            const int64_t end = std::min(begin + 27, rows);
            for (int j = 0; j < 3; ++j) {
                std::vector<float> part(static_cast<size_t>(end - begin));
                float* out = part.data();
                quantised_dots(w.matrix.row_range(0, end).row_range(begin, end), xs + j, 1, &out);
                CHECK(std::equal(part.begin(), part.end(), ys[j] + begin));
            }
        }
    }
}
