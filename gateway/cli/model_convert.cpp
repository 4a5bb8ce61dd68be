// weir model convert: a checkpoint folder or GGUF file into the other form.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "engine/model_tools.h"
#include "gateway/cli/command.h"
#include "gateway/cli/progress_bar.h"

namespace gateway {

namespace {

struct ModelConvertWords {
    std::string from, to;
    bool json = false;
};

std::string megabytes_of(int64_t n_done, int64_t n_total) {
    char text[64];
    std::snprintf(text, sizeof text, "%.1f of %.1f MB", static_cast<double>(n_done) / 1e6,
                  static_cast<double>(n_total) / 1e6);
    return text;
}

int convert(const ModelConvertWords& words) {
    ProgressBar bar;
    const auto report =
        engine::convert_model(words.from, words.to, [&bar](int64_t n_done, int64_t n_total) {
            bar.show(n_done, n_total, megabytes_of(n_done, n_total));
        });
    bar.end();
    if (!report) {
        std::fprintf(stderr, "weir: %s\n", report.error().detail.c_str());
        return kExitNo;
    }
    if (words.json) {
        std::printf("{\"tensors\": %lld, \"mtp_left_out\": %s}\n",
                    static_cast<long long>(report->n_tensors),
                    report->mtp_left_out ? "true" : "false");
        return kExitOk;
    }
    std::printf("%lld tensors of %s are in %s now\n", static_cast<long long>(report->n_tensors),
                words.from.c_str(), words.to.c_str());
    if (report->mtp_left_out) std::printf("the MTP block was left out\n");
    return kExitOk;
}

}  // namespace

void add_model_convert(CLI::App& model, Invocation& invocation) {
    const auto words = std::make_shared<ModelConvertWords>();
    CLI::App* command = model.add_subcommand(
        "convert", "Into a GGUF file (TO ends in .gguf) or a checkpoint folder in official layout");
    command->add_option("FROM", words->from, "A checkpoint's folder or a GGUF file")->required();
    command->add_option("TO", words->to, "What to make; must not exist")->required();
    command->add_flag("--json", words->json);
    command->callback(
        [&invocation, words] { invocation.run = [words] { return convert(*words); }; });
}

}  // namespace gateway
