#pragma once
// Random numbers and rows for the tests of kernels, and what "close" is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "engine/kernels/ops.h"
#include "engine/kernels/row_format.h"

namespace kernels_test {

using engine::kernels::best_isa;
using engine::kernels::Isa;
using engine::kernels::RowFormat;
using engine::kernels::RowShape;

using Floats = std::vector<float>;

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    int64_t whole(int64_t low, int64_t high) {
        return std::uniform_int_distribution<int64_t>(low, high)(engine_);
    }
    Floats floats(int64_t n, float scale = 1) {
        std::normal_distribution<float> normal(0, scale);
        Floats v(static_cast<size_t>(n));
        for (float& x : v) x = normal(engine_);
        return v;
    }

private:
    std::mt19937 engine_;
};

inline RowShape random_shape(Random& random, int64_t width) {
    return {static_cast<RowFormat>(random.whole(0, 3)), width, random.whole(0, width)};
}

inline std::vector<std::byte> stored_rows(const RowShape& shape, const Floats& rows, int64_t n) {
    std::vector<std::byte> stored(static_cast<size_t>(n * shape.bytes()));
    for (int64_t i = 0; i < n; ++i) {
        store_row(shape, rows.data() + i * shape.width, stored.data() + i * shape.bytes());
    }
    return stored;
}

// A sum of n products of unit normals in f32 strays from the exact one by about 1e-7 * sqrt(n) *
// sqrt(n).
inline double tolerance(int64_t n) {
    return 4e-7 * static_cast<double>(n) + 1e-6;
}

inline void check_close(const Floats& actual, const Floats& expected, double margin) {
    REQUIRE(actual.size() == expected.size());
    double worst = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
        worst = std::max(
            worst, std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
    }
    CHECK(worst <= margin);
}

inline std::vector<Isa> all_isas() {
    std::vector<Isa> isas;
    for (const Isa isa : engine::kernels::kIsas) {
        if (isa <= best_isa()) isas.push_back(isa);
    }
    return isas;
}

template <class T>
std::vector<T*> pointers(std::vector<T>& v, int64_t n, int64_t width) {
    std::vector<T*> p;
    for (int64_t i = 0; i < n; ++i) p.push_back(v.data() + i * width);
    return p;
}

}  // namespace kernels_test
