#pragma once
// What the command line asks of a checkpoint without an Engine: `weir model inspect|logits|plan|
// render|tokenize|detokenize`, `weir bench`.
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace engine {

enum class ReportFormat : uint8_t { text, json };

// What a checkpoint folder or a GGUF file holds: sizes, layers, tensors by type, bytes, parameters.
// Reads headers and the config.
Result<std::string> inspect_model(const std::filesystem::path& path, ReportFormat format);

struct ConvertReport {
    int64_t n_tensors = 0;  // of the source that went over
    bool mtp_left_out = false;
};
// From a checkpoint folder or a GGUF file to a GGUF file (`to` ends in .gguf) or a checkpoint
// folder under official names. `to` appears whole or not at all, and must not exist. FP8 becomes
// Q8_0, FP4 and MXFP4 each other without loss, other GGUF blocks BF16; the rest stays. `progress`
// may be empty: bytes written, bytes in all. Errors: those of loading; file_broken, if `to` cannot
// be written.
Result<ConvertReport> convert_model(const std::filesystem::path& from,
                                    const std::filesystem::path& to,
                                    const std::function<void(int64_t, int64_t)>& progress);

struct LogitsReportOptions {
    // What float matrices are converted to; quantised ones are multiplied as they are stored.
    enum class Dtype : uint8_t { f32, bf16 } dtype = Dtype::f32;
    config::Roundings roundings = config::Roundings::none;
    int64_t n_chunk = 0;  // tokens to a forward pass; 0: up to 256. 1 is token by token
    int n_threads = 0;    // 0: one per core
};

// `tokens_json` is a JSON array of ids. Returns a JSON array with, for each position, first8, sum,
// l2, top5. Errors: those of loading, and prompt_invalid for the ids.
Result<std::string> logits_report(const std::filesystem::path& dir, std::string_view tokens_json,
                                  const LogitsReportOptions& options);

// What an engine would feed of a conversation. `dir` needs no weights: a tokenizer.json, and a
// config.json to hold it against if there is one. Or it is a GGUF file.
struct RenderedPrompt {
    std::string text;
    std::vector<int32_t> tokens;
};
// Errors: those of loading, and prompt_invalid.
Result<RenderedPrompt> render_prompt(const std::filesystem::path& dir,
                                     const Conversation& conversation, config::Encoding encoding,
                                     config::Effort tier);
// `json` is a line of the official encoder's cases (it has a "thinking_mode") and is rendered as
// that encoder would. Without `encoding` the case's own checkpoint decides, then 0731.
Result<RenderedPrompt> render_case(const std::filesystem::path& dir, std::string_view json,
                                   std::optional<config::Encoding> encoding);
bool is_reference_case(std::string_view json);
// What config.json says a model was made for, or 1,048,576 where there is none.
Result<int64_t> context_of(const std::filesystem::path& dir);

// No token of `text` is a control.
Result<std::vector<int32_t>> tokenize(const std::filesystem::path& dir, std::string_view text);
// `tokens_json` is a JSON array of ids. What is no UTF-8 becomes U+FFFD.
Result<std::string> detokenize(const std::filesystem::path& dir, std::string_view tokens_json);

struct PlanOptions {
    std::optional<int64_t> n_ctx;  // absent: the most that the model was made for
    // How weights are stored: official, fp8, gguf, bf16, f32. Empty: as the checkpoint has them,
    // or, where there is none, as the config says.
    std::string weights{};
    int n_threads = 0;  // 0: one per core
};
// Bytes, operations and tokens/s to expect of a model on this machine: counted from its config, and
// from what a second of measuring shows. `path` is a config.json, a checkpoint folder, which may
// hold no more than that, or a GGUF file. Errors: those of loading; context_exceeded; unsupported.
Result<std::string> plan_model(const std::filesystem::path& path, const PlanOptions& options,
                               ReportFormat format);

struct BenchOptions {
    std::vector<int64_t> contexts{0, 512, 4096};  // tokens held before each sample
    std::vector<int64_t> batches{1, 2, 4, 8};     // sequences decoded together
    config::Numerics numerics = config::Numerics::exact;
    config::Roundings roundings = config::Roundings::none;
    std::optional<config::Kv> kv;  // absent: as the config's default
    int n_threads = 0;             // 0: one per core
    int n_rounds = 3;              // samples of each row
    int64_t n_prefill = 512;       // tokens of a prompt
    double seconds = 0.1;          // of each decode sample
};
struct BenchOutput {
    std::function<void(const std::string& line)> line;  // of CSV, the header first, no newline
    std::function<void(int64_t n_done, int64_t n_total, const std::string& next)> progress;
};
extern const std::string_view kBenchColumns;  // the CSV's header
// Prefill and decode of a model at each context and batch size, with the read rate of memory around
// every sample. Errors: those of loading; context_exceeded; unsupported.
Result<void> bench_model(const std::filesystem::path& path, const BenchOptions& options,
                         const BenchOutput& output);

}  // namespace engine
