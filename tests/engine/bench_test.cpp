// What measures, but for the speed: shapes of CSV, synthetic KV, and refusals.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "engine/measure/others_cpu.h"
#include "engine/measure/series.h"
#include "engine/measure/step_bench.h"
#include "engine/measure/synthetic_kv.h"
#include "engine/model_tools.h"
#include "tests/engine/model_fixture.h"

using namespace engine;
using namespace model_test;
using Catch::Matchers::Contains;

namespace {

using Fields = std::vector<std::string>;

Fields split(const std::string& line) {
    Fields fields;
    std::string field;
    for (std::istringstream in(line + ","); std::getline(in, field, ',');) fields.push_back(field);
    return fields;
}

BenchOptions tiny() {
    BenchOptions options;
    options.contexts = {0, 200};
    options.batches = {1, 3};
    options.n_threads = 2;
    options.n_rounds = 2;
    options.n_prefill = 16;
    options.seconds = 0;  // one step
    return options;
}

std::vector<Fields> rows_of(const BenchOptions& options) {
    std::vector<Fields> rows;
    std::vector<int64_t> progress;
    BenchOutput output;
    output.line = [&rows](const std::string& line) { rows.push_back(split(line)); };
    output.progress = [&progress](int64_t n_done, int64_t n_total, const std::string& next) {
        CHECK(n_done <= n_total);
        CHECK_FALSE(next.empty());
        progress.push_back(n_done);
    };
    const auto done = bench_model(fixture_path("official-quantised"), options, output);
    INFO((done ? "" : done.error().detail));
    REQUIRE(done);
    CHECK(std::is_sorted(progress.begin(), progress.end()));
    CHECK(progress.back() == static_cast<int64_t>(rows.size()) - 1);
    return rows;
}

std::string at(const std::vector<Fields>& rows, size_t row, const std::string& column) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), column);
    REQUIRE(found != rows[0].end());
    return rows[row][static_cast<size_t>(found - rows[0].begin())];
}

}  // namespace

TEST_CASE("bench: one line for the prompt and for each batch, at each context",
          "[engine][bench][threads]") {
    for (const auto numerics : {config::Numerics::exact, config::Numerics::fast}) {
        BenchOptions options = tiny();
        options.numerics = numerics;
        const auto rows = rows_of(options);
        REQUIRE(rows.size() == 7);
        const char* kinds[] = {"prefill", "decode", "decode"};
        const char* batches[] = {"1", "1", "3"};
        for (size_t i = 1; i < rows.size(); ++i) {
            REQUIRE(rows[i].size() == rows[0].size());
            CHECK(at(rows, i, "kind") == kinds[(i - 1) % 3]);
            CHECK(at(rows, i, "batch") == batches[(i - 1) % 3]);
            CHECK(at(rows, i, "context") == (i <= 3 ? "0" : "200"));
            const bool fast = numerics == config::Numerics::fast;
            CHECK(at(rows, i, "numerics") == (fast ? "fast" : "exact"));
            CHECK(at(rows, i, "kv") == (fast ? "bf16" : "f32"));
            CHECK(at(rows, i, "isa") == kernels::to_string(kernels::best_isa()));
            CHECK(at(rows, i, "n_threads") == "2");
            CHECK(at(rows, i, "n_samples") == "2");
            CHECK(std::stod(at(rows, i, "tokens_per_s")) > 0);
            CHECK(std::stod(at(rows, i, "tokens_per_s_min")) <=
                  std::stod(at(rows, i, "tokens_per_s_max")));
            CHECK(std::stod(at(rows, i, "read_gb_per_s")) > 0);
        }
        CHECK(at(rows, 1, "bytes_per_token").empty());
        CHECK(std::stod(at(rows, 1, "int8_gop_per_s")) > 0);
        CHECK(std::stod(at(rows, 2, "bytes_per_token")) > 0);
        CHECK(std::stod(at(rows, 5, "bytes_per_token")) >
              std::stod(at(rows, 2, "bytes_per_token")));
        CHECK(at(rows, 2, "int8_gop_per_s").empty());
        CHECK(at(rows, 3, "read_fraction").empty());
    }
}

TEST_CASE("bench: KV and roundings are as asked for", "[engine][bench]") {
    BenchOptions options = tiny();
    options.contexts = {0};
    options.batches = {1};
    options.roundings = config::Roundings::official;
    CHECK(at(rows_of(options), 2, "kv") == "official");
    CHECK(at(rows_of(options), 2, "roundings") == "official");
    options.kv = config::Kv::bf16;
    CHECK(at(rows_of(options), 2, "kv") == "bf16");
}

TEST_CASE("bench: what cannot be measured is refused before anything is written",
          "[engine][bench]") {
    const auto refused = [](const std::string& model, const BenchOptions& options) {
        BenchOutput output;
        output.line = [](const std::string&) { FAIL("a line"); };
        const auto done = bench_model(model, options, output);
        REQUIRE_FALSE(done);
        return done.error();
    };
    const auto model = fixture_path("official-quantised");
    const int64_t n_ctx_max =
        read_json("official-quantised/config.json")["max_position_embeddings"];
    BenchOptions options = tiny();
    options.contexts = {0, n_ctx_max};
    CHECK(refused(model, options).code == Errc::context_exceeded);
    CHECK_THAT(refused(model, options).detail,
               Contains("context " + std::to_string(n_ctx_max)) && Contains("256 tokens"));
    options.contexts = {INT64_MAX};
    CHECK(refused(model, options).code == Errc::context_exceeded);
    options = tiny();
    options.batches = {0};
    CHECK(refused(model, options).code == Errc::unsupported);
    CHECK(refused("no/such/model", tiny()).code == Errc::file_missing);
}

TEST_CASE("bench: a model decodes over synthetic KV of any format", "[engine][bench]") {
    const Fixture golden = read_fixture("v4-tiny.golden.json");
    const auto model = synthetic_model(config_of(read_json("v4-tiny.config.json")), "s44/");
    for (const KvFormat format : {KvFormat::f32, KvFormat::bf16, KvFormat::official}) {
        for (const int64_t n : {0, 1, 127, 1000}) {
            CAPTURE(to_string(format), n);
            Runner runner(*model, 1, 8, 1024, kernels::best_isa(), format);
            fill_kv(runner.kv, n, 1);
            CHECK(runner.kv.n_tokens() == n);
            const auto logits = runner.run_whole(std::span(golden.tokens).first(8));
            CHECK(runner.kv.n_tokens() == n + 8);
            CHECK(std::all_of(logits.begin(), logits.end(),
                              [](float x) { return std::isfinite(x); }));
        }
    }
}

TEST_CASE("bench: noise has unit size and comes again", "[engine][bench]") {
    std::vector<float> a(10'000), b(a.size());
    fill_with_noise(a, 5);
    fill_with_noise(b, 5);
    CHECK(a == b);
    fill_with_noise(b, 6);
    CHECK(a != b);
    double sum = 0, squares = 0;
    for (const float x : a) {
        sum += static_cast<double>(x);
        squares += static_cast<double>(x) * static_cast<double>(x);
    }
    CHECK(std::abs(sum / 1e4) < 0.05);
    CHECK(squares / 1e4 == Approx(1).epsilon(0.05));
}

TEST_CASE("bench: quantiles", "[engine][bench]") {
    Series series;
    CHECK(std::isnan(series.median()));
    for (const double x : {5.0, 1.0, 4.0, 2.0, 3.0}) series.add(x);
    CHECK(series.n() == 5);
    CHECK(series.at(0) == 1);
    CHECK(series.median() == 3);
    CHECK(series.at(1) == 5);
}

TEST_CASE("bench: other programs' part of the machine is a part", "[engine][bench]") {
    const OthersCpu others;
    const auto part = others.part();
    if (part) {
        CHECK(*part >= 0);
        CHECK(*part <= 1);
    }
}
