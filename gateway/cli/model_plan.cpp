// weir model plan: bytes, operations and tokens/s to expect of a model here, without its weights.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/model_tools.h"
#include "gateway/cli/command.h"

namespace gateway {

namespace {

struct ModelPlanWords {
    std::string path;
    int64_t n_ctx = 0;
    bool json = false;
    engine::PlanOptions options;
};

int plan(const ModelPlanWords& words) {
    engine::PlanOptions options = words.options;
    if (words.n_ctx > 0) options.n_ctx = words.n_ctx;
    const auto format = words.json ? engine::ReportFormat::json : engine::ReportFormat::text;
    const auto text = engine::plan_model(words.path, options, format);
    if (!text) {
        std::fprintf(stderr, "weir: %s\n", text.error().detail.c_str());
        return kExitNo;
    }
    std::printf("%s\n", text->c_str());
    return kExitOk;
}

}  // namespace

void add_model_plan(CLI::App& model, Invocation& invocation) {
    const auto words = std::make_shared<ModelPlanWords>();
    CLI::App* command = model.add_subcommand(
        "plan", "Bytes, operations and tokens/s to expect on this machine; needs no weights");
    command
        ->add_option("MODEL", words->path,
                     "A config.json, a checkpoint's folder, which may hold no more, or a GGUF file")
        ->required();
    command->add_option("--context", words->n_ctx, "Tokens; default: the model's most")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 31));
    command
        ->add_option("--format", words->options.weights,
                     "Weights as official, fp8, gguf, bf16 or f32; default: as they are stored, or "
                     "as the config says")
        ->check(CLI::IsMember({"official", "fp8", "gguf", "bf16", "f32"}));
    command->add_option("--threads", words->options.n_threads, "Default: one per core")
        ->check(CLI::Range(1, 1024));
    command->add_flag("--json", words->json);
    command->callback([&invocation, words] { invocation.run = [words] { return plan(*words); }; });
}

}  // namespace gateway
