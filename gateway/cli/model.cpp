// weir model inspect|logits: what a checkpoint holds, and what it computes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "engine/model_tools.h"
#include "gateway/cli/command.h"

namespace gateway {

namespace {

struct ModelWords {
    std::string dir, tokens, dtype = "f32", roundings = "none";
    int64_t n_chunk = 0;
    bool decode = false, json = false;
};

constexpr size_t kTokensFileBytesMax = 64 << 20;

int print(const engine::Result<std::string>& text) {
    if (!text) {
        std::fprintf(stderr, "weir: %s\n", text.error().detail.c_str());
        return kExitNo;
    }
    std::printf("%s\n", text->c_str());
    return kExitOk;
}

int logits(const ModelWords& words) {
    std::ifstream in(words.tokens, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "weir: %s: cannot be read\n", words.tokens.c_str());
        return kExitNo;
    }
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    if (text.size() > kTokensFileBytesMax) {
        std::fprintf(stderr, "weir: %s: larger than 64 MiB\n", words.tokens.c_str());
        return kExitNo;
    }
    engine::LogitsReportOptions options;
    options.dtype = words.dtype == "bf16" ? engine::LogitsReportOptions::Dtype::bf16
                                          : engine::LogitsReportOptions::Dtype::f32;
    if (words.roundings == "official") options.roundings = config::Roundings::official;
    options.n_chunk = words.decode ? 1 : words.n_chunk;
    return print(engine::logits_report(words.dir, text, options));
}

}  // namespace

void add_model(CLI::App& app, Invocation& invocation) {
    CLI::App* model = app.add_subcommand("model", "Look into a checkpoint");
    model->require_subcommand(1);
    add_model_text(*model, invocation);
    add_model_convert(*model, invocation);
    add_model_plan(*model, invocation);
    const auto words = std::make_shared<ModelWords>();

    CLI::App* inspect = model->add_subcommand("inspect", "What a checkpoint holds");
    inspect->add_option("DIR", words->dir, "The checkpoint's folder, or a GGUF file")->required();
    inspect->add_flag("--json", words->json);
    inspect->callback([&invocation, words] {
        invocation.run = [words] {
            return print(engine::inspect_model(
                words->dir, words->json ? engine::ReportFormat::json : engine::ReportFormat::text));
        };
    });

    CLI::App* show =
        model->add_subcommand("logits", "The logits at every position of a token list, as JSON");
    show->add_option("DIR", words->dir, "The checkpoint's folder, or a GGUF file")->required();
    show->add_option("--tokens", words->tokens, "A file with a JSON array of token ids")
        ->required();
    CLI::Option* chunk = show->add_option("--chunk", words->n_chunk, "Feed N tokens at a time")
                             ->check(CLI::Range(1, 1 << 20));
    show->add_flag("--decode", words->decode, "Feed token by token")->excludes(chunk);
    show->add_option("--dtype", words->dtype, "f32 or bf16")->check(CLI::IsMember({"f32", "bf16"}));
    show->add_option("--roundings", words->roundings,
                     "none, or official: round as the official implementation does")
        ->check(CLI::IsMember({"none", "official"}));
    show->add_flag("--json", words->json, "JSON is the only format");
    show->callback([&invocation, words] { invocation.run = [words] { return logits(*words); }; });
}

}  // namespace gateway
