// KV rows in each of their formats.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/kernels/fp4.h"
#include "engine/kernels/fp8.h"
#include "engine/kernels/matrix.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/row_format.h"

using namespace engine::kernels;

namespace {

using Floats = std::vector<float>;

constexpr RowFormat kFormats[] = {RowFormat::f32, RowFormat::bf16, RowFormat::fp8, RowFormat::fp4};

Floats random_row(std::mt19937& random, int64_t width) {
    // Magnitudes of many binades: large and small groups, subnormal codes.
    std::normal_distribution<float> normal(0, 1);
    std::uniform_int_distribution<int> exponent(-20, 12);
    const int largest = exponent(random);
    Floats row(static_cast<size_t>(width));
    for (float& x : row) x = std::ldexp(normal(random), std::min(largest, exponent(random)));
    return row;
}

std::vector<std::byte> stored(const RowShape& shape, const Floats& row) {
    // 0xee everywhere, to see that nothing behind the row is written.
    std::vector<std::byte> bytes(static_cast<size_t>(shape.bytes()) + 16, std::byte{0xee});
    store_row(shape, row.data(), bytes.data());
    CHECK(std::all_of(bytes.end() - 16, bytes.end(),
                      [](std::byte b) { return b == std::byte{0xee}; }));
    return bytes;
}

Floats expanded(const RowOps& ops, const RowShape& shape, const std::vector<std::byte>& bytes) {
    Floats row(static_cast<size_t>(shape.width) + 8, 7.0f);
    expand_row(ops, shape, bytes.data(), row.data());
    CHECK(std::all_of(row.end() - 8, row.end(), [](float x) { return x == 7.0f; }));
    row.resize(static_cast<size_t>(shape.width));
    return row;
}

bool same_bits(const Floats& a, const Floats& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<const RowOps*> tables() {
    std::vector<const RowOps*> all;
    for (const Isa isa : engine::kernels::kIsas) {
        if (isa <= best_isa()) all.push_back(ops(isa).rows);
    }
    return all;
}

}  // namespace

TEST_CASE("row format: the sizes of the official mix", "[kernels]") {
    CHECK(RowShape{RowFormat::fp8, 512, 64}.bytes() == 584);
    CHECK(RowShape{RowFormat::fp4, 128, 0}.bytes() == 68);
    CHECK(RowShape{RowFormat::bf16, 512, 0}.bytes() == 1024);
    CHECK(RowShape{RowFormat::f32, 512, 0}.bytes() == 2048);
    CHECK(RowShape{RowFormat::fp4, 7, 0}.bytes() == 8);
    CHECK(RowShape{RowFormat::bf16, 3, 0}.bytes() == 8);
}

TEST_CASE("row format: what is read is the rounded row, to the bit, on every instruction set",
          "[kernels]") {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        const int64_t width = std::uniform_int_distribution<int64_t>(1, 520)(random);
        const int64_t n_rot = std::uniform_int_distribution<int64_t>(0, width)(random);
        const Floats row = random_row(random, width);
        for (const RowFormat format : kFormats) {
            const RowShape shape{format, width, n_rot};
            CAPTURE(static_cast<int>(format), width, n_rot);
            Floats rounded = row;
            round_row(shape, rounded.data());
            const auto bytes = stored(shape, row);
            for (const RowOps* ops : tables()) {
                REQUIRE(same_bits(expanded(*ops, shape, bytes), rounded));
            }
            // What was rounded before loses nothing.
            CHECK(same_bits(expanded(kRowOpsPortable, shape, stored(shape, rounded)), rounded));
        }
    }
}

TEST_CASE("row format: the roundings are those of the formats", "[kernels]") {
    std::mt19937 random(2);
    const Floats row = random_row(random, 512);
    Floats fp8 = row;
    round_fp8(fp8.data(), 448, kFp8GroupKv);
    Floats mixed = row;
    round_row({RowFormat::fp8, 512, 64}, mixed.data());
    CHECK(std::equal(fp8.begin(), fp8.begin() + 448, mixed.begin()));
    for (size_t i = 448; i < 512; ++i) {
        CHECK((std::bit_cast<uint32_t>(mixed[i]) & 0xffffu) == 0);
        CHECK(mixed[i] == Approx(row[i]).epsilon(1.0 / 256));
    }
    Floats fp4 = row;
    round_fp4(fp4.data(), 512);
    Floats key = row;
    round_row({RowFormat::fp4, 512, 0}, key.data());
    CHECK(key == fp4);
}

TEST_CASE("row format: every code is read the same on every instruction set", "[kernels]") {
    for (int scale = 0; scale < 256; scale += 17) {
        std::vector<std::byte> bytes(256 + 4);
        for (size_t i = 0; i < 256; ++i) {
            // NaN codes stand under a NaN scale only.
            const bool is_nan = (i & 0x7f) == 0x7f && scale != 255;
            bytes[i] = is_nan ? std::byte{0} : static_cast<std::byte>(i);
        }
        for (size_t i = 256; i < 260; ++i) bytes[i] = static_cast<std::byte>(scale);
        for (const RowShape& shape :
             {RowShape{RowFormat::fp8, 256, 0}, RowShape{RowFormat::fp4, 128, 0}}) {
            if (shape.format == RowFormat::fp4) {
                for (size_t i = 64; i < 68; ++i) bytes[i] = static_cast<std::byte>(scale);
            }
            const Floats expected = expanded(kRowOpsPortable, shape, bytes);
            for (const RowOps* ops : tables()) {
                const Floats actual = expanded(*ops, shape, bytes);
                for (size_t i = 0; i < actual.size(); ++i) {
                    CAPTURE(scale, i);
                    CHECK(std::isnan(actual[i]) == std::isnan(expected[i]));
                    if (!std::isnan(expected[i])) CHECK(same_bits({actual[i]}, {expected[i]}));
                }
            }
        }
    }
}

TEST_CASE("row format: NaN and infinity stay broken, and harm no other group", "[kernels]") {
    for (const float broken : {NAN, INFINITY, -INFINITY}) {
        for (const RowFormat format : {RowFormat::fp8, RowFormat::fp4}) {
            const RowShape shape{format, 256, 0};
            Floats row(256, 1.0f);
            row[130] = broken;
            const auto bytes = stored(shape, row);
            for (const RowOps* ops : tables()) {
                const Floats read = expanded(*ops, shape, bytes);
                CHECK(std::isnan(read[130]));
                CHECK(read[0] == 1.0f);
                CHECK(read[255] == 1.0f);
            }
        }
    }
}
