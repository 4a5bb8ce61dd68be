// What a model costs, held to the figures of the published configs.
#include <catch2/catch.hpp>
#include <fstream>

#include "engine/plan/model_plan.h"
#include "engine/weights/model_files.h"
#include "tests/engine/model_fixture.h"
#include "tests/support/tiny_checkpoint.h"

using namespace engine;
using namespace model_test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

constexpr int64_t kMillion = 1'000'000;

ModelConfig flash() {
    return config_of(read_json("v4-flash.config.json"));
}
ModelConfig pro() {
    return config_of(read_json("v4-pro.config.json"));
}

double bytes_read(const WeightCosts& costs, WeightGroup group) {
    return costs[static_cast<size_t>(group)].bytes_read / 1e9;
}

Operations operations_of(const ModelConfig& config, int64_t n_ctx) {
    const auto costs = weight_costs(config, WeightFormat::official);
    return operations(config, backbone(costs).n_parameters_active, n_ctx);
}

json plan_json(const std::string& file, const PlanOptions& options) {
    const auto text = plan_model(fixture_path(file), options, ReportFormat::json);
    INFO((text ? "" : text.error().detail));
    REQUIRE(text);
    return json::parse(*text);
}

void check_refused(const std::filesystem::path& path, const PlanOptions& options, Errc code,
                   const std::string& part) {
    const auto plan = count_plan(path, options);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code == code);
    CHECK_THAT(plan.error().detail, Contains(part));
}

// A folder with this config.json and nothing else.
struct ConfigFolder {
    const support::TinyCheckpoint checkpoint;

    explicit ConfigFolder(const json& config) {
        for (const auto& entry : std::filesystem::directory_iterator(checkpoint.dir())) {
            std::filesystem::remove(entry.path());
        }
        std::ofstream(checkpoint.dir() / "config.json") << config.dump();
    }
    const std::filesystem::path& dir() const { return checkpoint.dir(); }
};

}  // namespace

TEST_CASE("plan: parameters of the published models, to the last one", "[engine][plan]") {
    const auto of_flash = weight_costs(flash(), WeightFormat::official);
    CHECK(backbone(of_flash).n_parameters == 284'332'240'471.0);
    CHECK(backbone(of_flash).n_parameters_active == 13'270'101'591.0);
    CHECK(of_flash[static_cast<size_t>(WeightGroup::mtp)].n_parameters == 6'610'048'891.0);
    const auto of_pro = weight_costs(pro(), WeightFormat::official);
    CHECK(backbone(of_pro).n_parameters == 1'572'997'201'763.0);
    CHECK(backbone(of_pro).n_parameters_active == 48'852'402'019.0);
    CHECK(of_pro[static_cast<size_t>(WeightGroup::mtp)].n_parameters == 25'840'145'979.0);
}

TEST_CASE("plan: bytes of the published checkpoints", "[engine][plan]") {
    // GB, as the architecture's sections 5.4 and 8.1 round them.
    struct Case {
        ModelConfig config;
        double backbone, mtp, experts, read;
        double attention, routed, shared, head, compression, hyper_connections, router;
    };
    const Case cases[] = {
        {flash(), 156.0, 3.6, 147.2, 11.2, 4.60, 3.45, 1.08, 1.06, 0.80, 0.14, 0.09},
        {pro(), 850.7, 14.0, 822.1, 39.7, 18.3, 12.8, 4.03, 1.85, 1.96, 0.34, 0.34}};
    for (const Case& c : cases) {
        const auto costs = weight_costs(c.config, WeightFormat::official);
        const auto stored = [&costs](WeightGroup group) {
            return costs[static_cast<size_t>(group)].bytes / 1e9;
        };
        CHECK(backbone(costs).bytes / 1e9 == Approx(c.backbone).margin(0.05));
        CHECK(stored(WeightGroup::mtp) == Approx(c.mtp).margin(0.05));
        CHECK(stored(WeightGroup::routed_experts) == Approx(c.experts).margin(0.05));
        CHECK(backbone(costs).bytes_read / 1e9 == Approx(c.read).margin(0.05));
        CHECK(bytes_read(costs, WeightGroup::attention) == Approx(c.attention).margin(0.05));
        CHECK(bytes_read(costs, WeightGroup::routed_experts) == Approx(c.routed).margin(0.05));
        CHECK(bytes_read(costs, WeightGroup::shared_experts) == Approx(c.shared).margin(0.005));
        CHECK(bytes_read(costs, WeightGroup::head) == Approx(c.head).margin(0.005));
        CHECK(bytes_read(costs, WeightGroup::compression) == Approx(c.compression).margin(0.01));
        CHECK(bytes_read(costs, WeightGroup::hyper_connections) ==
              Approx(c.hyper_connections).margin(0.005));
        CHECK(bytes_read(costs, WeightGroup::router) == Approx(c.router).margin(0.005));
        CHECK(bytes_read(costs, WeightGroup::mtp) == 0);
    }
}

TEST_CASE("plan: bytes a token reads of Q8_0 and MXFP4", "[engine][plan]") {
    // Engine performance, section 5: 11,178 and 40,390 MB, vectors not counted.
    CHECK(backbone(weight_costs(flash(), WeightFormat::gguf)).bytes_read / 1e6 ==
          Approx(11'178).epsilon(0.001));
    CHECK(backbone(weight_costs(pro(), WeightFormat::gguf)).bytes_read / 1e6 ==
          Approx(40'390).epsilon(0.001));
}

TEST_CASE("plan: operations of one token", "[engine][plan]") {
    // GFLOP at 10^6 tokens, architecture 5.3.
    struct Case {
        ModelConfig config;
        double weights, attention, indexer;
    };
    for (const Case& c : {Case{flash(), 26.5, 22.6, 86.0}, Case{pro(), 97.7, 73.6, 122.9}}) {
        const Operations n = operations_of(c.config, kMillion);
        CHECK(n.weights / 1e9 == Approx(c.weights).margin(0.05));
        CHECK(n.attention / 1e9 == Approx(c.attention).margin(0.05));
        CHECK(n.indexer / 1e9 == Approx(c.indexer).margin(0.05));
    }
    const Operations v32 = v32::operations(kMillion);
    CHECK(v32.weights / 1e9 == Approx(74.0));
    CHECK(v32.attention / 1e9 == Approx(34.8).margin(0.05));
    CHECK(v32.indexer / 1e9 == Approx(999.4).margin(0.05));
}

TEST_CASE("plan: short contexts are seen whole, and nothing is scored", "[engine][plan]") {
    const ModelConfig c = flash();
    const LayerConfig csa = c.layers[2];
    CHECK(rows_seen(c, csa, 1).window == 1);
    CHECK(rows_seen(c, csa, 3).entries == 0);
    CHECK(rows_seen(c, csa, 2048).entries == 512);
    CHECK(rows_seen(c, csa, 2048).scored == 0);
    CHECK(rows_seen(c, csa, 2052).entries == 512);
    CHECK(rows_seen(c, csa, 2052).scored == 513);
    CHECK(rows_seen(c, c.layers[3], 65'536).entries == 512);
    CHECK(rows_seen(c, c.layers[0], 65'536).entries == 0);
    CHECK(operations_of(c, 2048).indexer == 0);
}

TEST_CASE("plan: KV that a token reads at 2^20", "[engine][plan]") {
    // 0.48 and 0.71 GB in the official mix, whose window rows are FP8; ours are f32.
    const auto windows = [](const ModelConfig& c) {
        return static_cast<double>(c.n_layers * c.n_window * (4 * c.head_dim - 584)) / 1e9;
    };
    for (const auto& [config, gigabytes] : {std::pair{flash(), 0.48}, {pro(), 0.71}}) {
        const double read = kv_bytes_read(config, KvFormat::official, 1 << 20) / 1e9;
        CHECK(read - windows(config) == Approx(gigabytes).margin(0.005));
    }
}

TEST_CASE("plan: the published headline, beside what is counted", "[engine][plan]") {
    const ModelConfig configs[] = {flash(), pro()};
    const ComparedToV32 of_flash =
        compare_to_v32(configs[0], operations_of(configs[0], kMillion), kMillion);
    CHECK(v32::kv_bytes(1) == 48'068);
    CHECK(of_flash.kv == Approx(0.0731).margin(0.00005));
    CHECK(of_flash.operations == Approx(0.122).margin(0.0005));
    CHECK(of_flash.operations_as_fp8 == Approx(0.1004).margin(0.00005));
    const ComparedToV32 of_pro =
        compare_to_v32(configs[1], operations_of(configs[1], kMillion), kMillion);
    CHECK(of_pro.kv == Approx(0.1047).margin(0.00005));
    CHECK(of_pro.operations == Approx(0.265).margin(0.0005));
    CHECK(of_pro.operations_as_fp8 == Approx(0.268).margin(0.0005));
    CHECK(published_claim(configs[0])->kv == 0.07);
    CHECK(published_claim(configs[0])->operations == 0.10);
    CHECK(published_claim(configs[1])->kv == 0.10);
    CHECK(published_claim(configs[1])->operations == 0.27);
    CHECK_FALSE(published_claim(config_of(read_json("v4-tiny.config.json"))));
}

TEST_CASE("plan: what a checkpoint holds is counted as it is stored", "[engine][plan]") {
    for (const char* name : {"official-quantised", "official-layout", "hf-saved"}) {
        INFO(name);
        const auto files = open_model_files(fixture_path(name));
        REQUIRE(files);
        const auto config = parse_model_config(*files);
        REQUIRE(config);
        const auto costs = weight_costs(*config, *files->tensors);
        REQUIRE(costs);
        double bytes = 0;
        for (const Tensor& tensor : files->tensors->tensors()) {
            bytes += static_cast<double>(tensor.bytes.size());
        }
        CHECK(backbone(*costs).bytes + (*costs)[static_cast<size_t>(WeightGroup::mtp)].bytes ==
              bytes);
        CHECK(backbone(*costs).n_parameters == static_cast<double>(n_parameters(*config)));
    }
    const auto plan = count_plan(fixture_path("official-quantised"), {});
    REQUIRE(plan);
    CHECK(plan->weights == "as stored");
    const auto told = weight_costs(plan->config, WeightFormat::official);
    const auto of = [](const WeightCosts& costs, WeightGroup group) {
        return costs[static_cast<size_t>(group)].bytes;
    };
    for (const WeightGroup group : {WeightGroup::routed_experts, WeightGroup::shared_experts}) {
        CHECK(of(plan->costs, group) == of(told, group));
    }
}

TEST_CASE("plan: memory of the fast mode is what it takes", "[engine][plan]") {
    for (const std::string& dir : {fixture_path("official-quantised"),
                                   std::string(WEIR_SOURCE_DIR) + "/engine/demo/model"}) {
        INFO(dir);
        const auto plan = count_plan(dir, {});
        REQUIRE(plan);
        const auto files = open_model_files(dir);
        REQUIRE(files);
        // What stays in the file: rows of the embedding, and what is f32 already.
        double mapped = plan->costs[static_cast<size_t>(WeightGroup::embedding)].bytes_fast;
        for (const Tensor& tensor : files->tensors->tensors()) {
            if (tensor.type == TensorType::f32) mapped += static_cast<double>(tensor.bytes.size());
        }
        ModelOptions options;
        options.numerics = Numerics::fast;
        const auto model = Model::load(dir, options);
        REQUIRE(model);
        CHECK(static_cast<double>((*model)->converted_bytes()) ==
              Approx(backbone(plan->costs).bytes_fast - mapped).epsilon(0.02));
    }
}

TEST_CASE("plan: a config says how its weights are stored", "[engine][plan]") {
    json config = read_json("v4-flash.config.json");
    const auto format = [&config] { return weight_format_of(config.dump()); };
    CHECK(format().value() == WeightFormat::official);
    config["expert_dtype"] = "fp8";
    CHECK(format().value() == WeightFormat::fp8);
    config.erase("expert_dtype");
    CHECK(format().value() == WeightFormat::official);
    config["quantization_config"]["quant_method"] = "awq";
    REQUIRE_FALSE(format());
    CHECK_THAT(format().error().detail, Contains("quant_method: \"awq\""));
    config.erase("quantization_config");
    CHECK(format().value() == WeightFormat::bf16);
    config["torch_dtype"] = "float32";
    CHECK(format().value() == WeightFormat::f32);
    config["dtype"] = "int4";
    CHECK_FALSE(format());
}

TEST_CASE("plan: a config alone is enough, and a million tokens bring the headline",
          "[engine][plan]") {
    const json plan = plan_json("v4-flash.config.json", {.n_ctx = std::nullopt, .n_threads = 1});
    CHECK(plan["model"] == "V4-Flash");
    CHECK(plan["n_ctx"] == 1 << 20);
    CHECK(plan["weights"] == "official, as the config says");
    CHECK(plan["kv"]["official"]["bytes_growing"] == 3'684'958'208);
    CHECK(plan["of_v3_2"]["published"]["kv"] == 0.07);
    const json& machine = plan["machine"];
    CHECK(machine["n_threads"] == 1);
    CHECK(machine["read_gb_per_s"] > 0.0);
    CHECK(machine.contains("others_cpu"));
    REQUIRE(machine["decode"].size() == 3);
    for (const json& way : machine["decode"]) {
        INFO(way.dump());
        CHECK(way["attention_gflop_per_s"] > 0.0);
        if (way["read_fraction_assumed"].is_null()) continue;
        const json& seconds = way["seconds_per_token"];
        double sum = 0;
        for (const json& part : seconds) sum += part.get<double>();
        CHECK(way["tokens_per_s"].get<double>() == Approx(1 / sum));
        const bool fast = way["numerics"] == "fast";
        const double bytes =
            plan["together"][fast ? "bytes_fast_read_per_token" : "bytes_read_per_token"];
        CHECK(seconds["weights"].get<double>() ==
              Approx(bytes / 1e9 / machine["read_gb_per_s"].get<double>() /
                     way["read_fraction_assumed"].get<double>()));
    }
    const auto text = plan_model(fixture_path("v4-pro.config.json"),
                                 {.n_ctx = std::nullopt, .n_threads = 1}, ReportFormat::text);
    REQUIRE(text);
    CHECK_THAT(*text, Contains("V4-Pro, 61 layers, 1.573 T parameters, 48.85 G of them"));
    CHECK_THAT(*text, Contains("10 %") && Contains("10.47 %") && Contains("27 %"));
    CHECK_THAT(*text, Contains("baseline: DeepSeek-V3.2 with FP8 KV"));
}

TEST_CASE("plan: shorter contexts have no headline", "[engine][plan]") {
    const json plan = plan_json("v4-flash.config.json", {.n_ctx = 65'536, .n_threads = 1});
    CHECK(plan["of_v3_2"].is_null());
    CHECK(plan["kv"]["bf16"]["bytes_growing"] == 65'536 * 6'880);
}

TEST_CASE("plan: what cannot be is refused", "[engine][plan]") {
    const auto flash_config = fixture_path("v4-flash.config.json");
    check_refused(flash_config, {.n_ctx = (1 << 20) + 1}, Errc::context_exceeded,
                  "context 1048577, the model was made for 1 to 1048576");
    check_refused(flash_config, {.n_ctx = 0}, Errc::context_exceeded, "context 0");
    check_refused(flash_config, {.n_ctx = 4096, .weights = "int3"}, Errc::unsupported, "\"int3\"");
    check_refused("no/such.json", {}, Errc::file_missing, "no/such.json");
    json config = read_json("v4-tiny.config.json");
    config["model_type"] = "llama";
    check_refused(ConfigFolder(config).dir(), {}, Errc::unsupported, "model_type: \"llama\"");
    config = read_json("v4-tiny.config.json");
    config["quantization_config"] = {{"quant_method", "gptq"}};
    check_refused(ConfigFolder(config).dir(), {}, Errc::unsupported, "\"gptq\"");
    // Sizes that each are allowed, and together are not.
    config = read_json("v4-tiny.config.json");
    config["head_dim"] = 1 << 24;
    config["max_position_embeddings"] = int64_t{1} << 31;
    config["num_hidden_layers"] = 64;
    config["compress_ratios"] = std::vector<int>(64, 4);
    config["compress_rates"] = {{"compressed_sparse_attention", 1}};
    check_refused(ConfigFolder(config).dir(), {}, Errc::unsupported, "any machine");
}

TEST_CASE("plan: a folder with a config and no weights", "[engine][plan]") {
    const ConfigFolder folder(read_json("v4-flash.config.json"));
    const auto plan = count_plan(folder.dir(), {});
    INFO((plan ? "" : plan.error().detail));
    REQUIRE(plan);
    CHECK(plan->weights == "official, as the config says");
    const auto asked = count_plan(folder.dir(), {.n_ctx = std::nullopt, .weights = "bf16"});
    REQUIRE(asked);
    CHECK(backbone(asked->costs).bytes == Approx(2 * 284.332e9).epsilon(0.001));
}

TEST_CASE("plan: nothing is assumed of what nobody measured", "[engine][plan]") {
    using kernels::Isa;
    CHECK_FALSE(assumed_fraction(Numerics::fast, WeightKind::quantised, Isa::portable));
    CHECK_FALSE(assumed_fraction(Numerics::exact, WeightKind::quantised, Isa::avx2));
    const auto fast = assumed_fraction(Numerics::fast, WeightKind::quantised, Isa::avx512);
    REQUIRE(fast);
    CHECK_THAT(fast->source, Contains("tests/bench/README.md"));
}
