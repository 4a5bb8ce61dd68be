// weir model convert: a checkpoint folder or GGUF file into the other form.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "engine/model_tools.h"
#include "gateway/cli/command.h"

namespace gateway {

namespace {

struct Words {
    std::string from, to;
    bool json = false;
};

// On a terminal one line that grows; elsewhere a line for each tenth.
class ProgressBar {
public:
    void show(int64_t n_done, int64_t n_total) {
        const int64_t percent = n_total > 0 ? 100 * n_done / n_total : 100;
        if (percent == percent_) return;
        const bool next_tenth = percent / 10 != percent_ / 10;
        percent_ = percent;
        if (on_terminal_) {
            constexpr int64_t kWidth = 50;
            const std::string bar(static_cast<size_t>(percent * kWidth / 100), '#');
            std::fprintf(stderr, "\r[%-50s] %3lld %%  %.1f of %.1f MB", bar.c_str(),
                         static_cast<long long>(percent), megabytes(n_done), megabytes(n_total));
        } else if (next_tenth) {
            std::fprintf(stderr, "%lld %%\n", static_cast<long long>(percent));
        }
    }
    void end() {
        if (on_terminal_ && percent_ >= 0) std::fputc('\n', stderr);
    }

private:
    static double megabytes(int64_t n) { return static_cast<double>(n) / 1e6; }
    const bool on_terminal_ = ::isatty(STDERR_FILENO) == 1;
    int64_t percent_ = -1;
};

int convert(const Words& words) {
    ProgressBar bar;
    const auto report = engine::convert_model(
        words.from, words.to,
        [&bar](int64_t n_done, int64_t n_total) { bar.show(n_done, n_total); });
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
    const auto words = std::make_shared<Words>();
    CLI::App* command = model.add_subcommand(
        "convert", "Into a GGUF file (TO ends in .gguf) or a checkpoint folder in official layout");
    command->add_option("FROM", words->from, "A checkpoint's folder or a GGUF file")->required();
    command->add_option("TO", words->to, "What to make; must not exist")->required();
    command->add_flag("--json", words->json);
    command->callback(
        [&invocation, words] { invocation.run = [words] { return convert(*words); }; });
}

}  // namespace gateway
