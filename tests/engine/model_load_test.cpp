// Models that do not fit their config, and what the tools say of those that do.
#include <catch2/catch.hpp>
#include <functional>

#include "engine/kernels/fp8.h"
#include "engine/model_tools.h"
#include "engine/weights/checkpoint.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/synthetic_weights.h"

using namespace engine;
using namespace model_test;

namespace {

class Edited final : public TensorSource {
public:
    Edited(std::unique_ptr<TensorSource> from,
           const std::function<void(std::vector<Tensor>&)>& edit)
        : from_(std::move(from)), tensors_(from_->tensors()) {
        edit(tensors_);
    }
    const std::vector<Tensor>& tensors() const override { return tensors_; }

private:
    std::unique_ptr<TensorSource> from_;
    std::vector<Tensor> tensors_;
};

ModelConfig small_config() {
    return config_of(read_fixture("v4-fx01.json").stored.at("config"));
}

Tensor& named(std::vector<Tensor>& tensors, const std::string& name) {
    for (auto& tensor : tensors) {
        if (tensor.name == name) return tensor;
    }
    FAIL("no tensor " << name);
    return tensors.front();
}

void check_refused(Errc code, const std::string& part,
                   const std::function<void(std::vector<Tensor>&)>& edit) {
    const auto config = small_config();
    auto source = std::make_unique<Edited>(support::synthetic_tensors(config, {"x/"}), edit);
    const auto model = Model::from_source(config, std::move(source), Dtype::f32);
    REQUIRE_FALSE(model);
    INFO(model.error().detail);
    CHECK(model.error().code == code);
    CHECK(model.error().detail.find(part) != std::string::npos);
    CHECK(model.error().detail.starts_with("synthetic: tensor \""));
}

}  // namespace

TEST_CASE("load: tensors that do not fit the config", "[engine][model]") {
    const std::string name = "layers.2.attn.wq_a.weight";
    check_refused(Errc::file_broken, "is missing",
                  [&](auto& tensors) { named(tensors, name).name = "mtp.0.x"; });
    check_refused(Errc::file_broken, "no place for it", [&](auto& tensors) {
        tensors.push_back(tensors[0]);
        tensors.back().name = "layers.2.attn.wq_c.weight";
    });
    check_refused(Errc::file_broken, "is the same as", [&](auto& tensors) {
        tensors.push_back(named(tensors, name));
        tensors.back().name = "model.layers.2.self_attn.q_a_proj.weight";
    });
    check_refused(Errc::file_broken, "the config asks for [48, 96]", [&](auto& tensors) {
        std::swap(named(tensors, name).shape[0], named(tensors, name).shape[1]);
    });
    check_refused(Errc::file_broken, "element type I64",
                  [&](auto& tensors) { named(tensors, name).type = TensorType::i64; });
    check_refused(Errc::file_broken, "has no scale",
                  [&](auto& tensors) { named(tensors, name).type = TensorType::f8_e4m3; });
    check_refused(Errc::file_broken, "no FP8 or FP4 matrix has this scale",
                  [&](auto& tensors) { named(tensors, name).name = "layers.2.attn.wq_a.scale"; });
}

TEST_CASE("load: ids of experts that do not exist", "[engine][model]") {
    for (const int64_t id : {int64_t{8}, int64_t{-1}, INT64_MAX}) {
        std::vector<int64_t> table(320 * 2);
        table[77] = id;
        check_refused(
            Errc::file_broken, "expert " + std::to_string(id) + " of 8", [&](auto& tensors) {
                named(tensors, "layers.1.ffn.gate.tid2eid").bytes = std::as_bytes(std::span(table));
            });
    }
}

TEST_CASE("load: tensors at odd addresses", "[engine][model]") {
    const auto config = small_config();
    std::vector<std::vector<std::byte>> moved;
    auto source =
        std::make_unique<Edited>(support::synthetic_tensors(config, {"x/"}), [&](auto& tensors) {
            for (auto& tensor : tensors) {
                auto& bytes = moved.emplace_back(tensor.bytes.size() + 1);
                std::copy(tensor.bytes.begin(), tensor.bytes.end(), bytes.begin() + 1);
                tensor.bytes = std::span(bytes).subspan(1);
            }
        });
    const auto odd = Model::from_source(config, std::move(source), Dtype::f32);
    REQUIRE(odd);
    const auto even = synthetic_model(config, "x/");
    const std::vector<int32_t> tokens = {5, 300, 17};
    CHECK(Runner(**odd, 1, 3, 3).run_whole(tokens) == Runner(*even, 1, 3, 3).run_whole(tokens));
}

namespace {

// The quantised fixture under mixed names, one kind of scale as bare bytes, another as floats.
std::unique_ptr<TensorSource> respelt_fixture(std::vector<std::vector<float>>& floats) {
    auto source = open_checkpoint(fixture_path("official-quantised"));
    REQUIRE(source);
    return std::make_unique<Edited>(std::move(*source), [&floats](auto& tensors) {
        size_t i = 0;
        for (auto& tensor : tensors) {
            const bool fp8_scale = tensor.name.ends_with(".scale") &&
                                   tensor.name.find(".experts.") == std::string::npos;
            if (tensor.type == TensorType::i8) tensor.type = TensorType::u8;
            if (fp8_scale && ++i % 2 == 0) {
                auto& numbers = floats.emplace_back();
                for (const std::byte bits : tensor.bytes) {
                    numbers.push_back(kernels::from_ue8m0(static_cast<uint8_t>(bits)));
                }
                tensor.type = TensorType::f32;
                tensor.bytes = std::as_bytes(std::span(numbers));
            } else if (tensor.type == TensorType::f8_e8m0) {
                tensor.type = TensorType::u8;
            }
            if (tensor.name.ends_with("attn.wq_b.scale")) {
                tensor.name.replace(tensor.name.find("attn.wq_b.scale"), std::string::npos,
                                    "self_attn.q_b_proj.weight_scale_inv");
                tensor.name.insert(0, "model.");
            }
        }
    });
}

}  // namespace

TEST_CASE("load: quantised matrices under mixed names, scales in every spelling",
          "[engine][model]") {
    std::vector<std::vector<float>> floats;
    const auto config = read_model_config(fixture_path("official-quantised"));
    REQUIRE(config);
    const auto respelt = Model::from_source(*config, respelt_fixture(floats), {});
    INFO((respelt ? "" : respelt.error().detail));
    REQUIRE(respelt);
    CHECK(floats.size() > 5);
    const auto plain = Model::load(fixture_path("official-quantised"), {});
    REQUIRE(plain);
    const std::vector<int32_t> tokens = {5, 200, 17, 4, 4, 9, 77};
    CHECK(Runner(**respelt, 1, 7, 7).run_whole(tokens) ==
          Runner(**plain, 1, 7, 7).run_whole(tokens));
}

TEST_CASE("load: scales that do not fit their matrix", "[engine][model]") {
    const auto config = read_model_config(fixture_path("official-quantised"));
    REQUIRE(config);
    const auto refused = [&](const std::string& name, const auto& edit) {
        auto source = open_checkpoint(fixture_path("official-quantised"));
        REQUIRE(source);
        auto edited = std::make_unique<Edited>(std::move(*source),
                                               [&](auto& tensors) { edit(named(tensors, name)); });
        const auto model = Model::from_source(*config, std::move(edited), {});
        return model ? std::string("loaded") : model.error().detail;
    };
    const auto contains = [](const char* part) { return Catch::Matchers::Contains(part); };
    const auto reshape = [](std::vector<int64_t> shape) {
        return [shape](Tensor& tensor) { tensor.shape = shape; };
    };
    const auto retype = [](TensorType type) {
        return [type](Tensor& tensor) { tensor.type = type; };
    };
    const char* fp8 = "layers.0.attn.wq_b.scale";
    const char* fp4 = "layers.0.ffn.experts.0.w1.scale";
    CHECK_THAT(refused(fp8, reshape({1, 2})), contains("has shape [1, 2], not [2, 1]"));
    CHECK_THAT(refused(fp4, reshape({512})), contains("has shape [512], not [128, 4]"));
    CHECK_THAT(refused(fp4, retype(TensorType::f8_e4m3)), contains("has element type F8_E4M3"));
    CHECK_THAT(refused(fp8, retype(TensorType::i8)), contains("has element type I8"));
    CHECK_THAT(refused("layers.0.ffn.experts.0.w1.weight", reshape({128, 128})),
               contains("the config asks for [128, 64]"));
}

TEST_CASE("load: a folder that is none", "[engine][model]") {
    const auto model = Model::load("no/such/folder", Dtype::bf16);
    REQUIRE_FALSE(model);
    CHECK(model.error().code == Errc::file_missing);
}

TEST_CASE("logits report: fixtures from files, in chunks and token by token", "[engine][model]") {
    const Fixture fixture = read_fixture("official-layout/expected.json");
    const std::string tokens = fixture.stored.at("tokens").dump();
    LogitsReportOptions options;
    std::string first;
    for (const int64_t n_chunk : {0, 1, 37}) {
        options.n_chunk = n_chunk;
        const auto text = logits_report(fixture_path("official-layout"), tokens, options);
        REQUIRE(text);
        if (first.empty()) first = *text;
        CHECK(*text == first);
    }
    const auto report = nlohmann::json::parse(first);
    REQUIRE(report.size() == fixture.tokens.size());
    for (const auto& [pos, stored] : fixture.stored.at("logits").items()) {
        const auto& entry = report[std::stoul(pos)];
        for (size_t i = 0; i < 8; ++i) {
            CHECK(entry.at("first8")[i].get<double>() ==
                  Approx(stored.at("first8")[i].get<double>()).margin(5e-4).epsilon(0));
        }
        CHECK(entry.at("l2").get<double>() == Approx(stored.at("l2").get<double>()).margin(2e-3));
        CHECK(entry.at("sum").get<double>() == Approx(stored.at("sum").get<double>()).margin(1e-2));
        CHECK(entry.at("top5")[0][0] == stored.at("top5")[0][0]);
        CHECK(entry.at("top5").size() == 5);
    }
}

TEST_CASE("logits report: ids that are none", "[engine][model]") {
    for (const char* tokens :
         {"", "{}", "[]", "[256]", "[-1]", "[1.5]", "[\"1\"]", "[[1]]", "[18446744073709551615]"}) {
        const auto report = logits_report(fixture_path("official-layout"), tokens, {});
        REQUIRE_FALSE(report);
        CHECK(report.error().code == Errc::prompt_invalid);
    }
}

TEST_CASE("inspect: what a checkpoint holds", "[engine][model]") {
    const auto text = inspect_model(fixture_path("hf-saved"), ReportFormat::json);
    REQUIRE(text);
    const auto report = nlohmann::json::parse(*text);
    CHECK(report.at("files").size() == 3);
    CHECK(report.at("numerics") == nlohmann::json({"exact", "fast"}));
    CHECK(report.at("roundings") == nlohmann::json({"none", "official"}));
    CHECK(report.at("kv") == nlohmann::json({"f32", "bf16", "official"}));
    CHECK(report.at("kv_bytes_per_token").at("f32") ==
          2 * report.at("kv_bytes_per_token").at("bf16").get<double>());
    CHECK(report.at("config").at("n_embd") == 64);
    CHECK(report.at("layers")[1].at("attention") == "csa");
    CHECK(report.at("layers")[0].at("router") == "hash");
    // Parameters and the one table make up all bytes.
    const int64_t table_bytes = 256 * 2 * 8;
    CHECK(report.at("parameters").get<int64_t>() * 4 + table_bytes ==
          report.at("bytes").get<int64_t>());
    CHECK(report.at("types").at("I64").at("bytes") == table_bytes);
    const auto lines = inspect_model(fixture_path("hf-saved"), ReportFormat::text);
    REQUIRE(lines);
    CHECK(lines->find("roundings none official\n") != std::string::npos);
    CHECK(lines->find("kv official, bytes per token ") != std::string::npos);
    CHECK(lines->find("layer 1: csa 4, score-routed experts") != std::string::npos);
}
