#pragma once
// What the command line asks of a checkpoint without an Engine: `weir model inspect`, `weir model
// logits`.
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace engine {

enum class ReportFormat : uint8_t { text, json };

// What a checkpoint holds: sizes, layers, tensors by type, bytes, parameters. Reads headers and the
// config.
Result<std::string> inspect_model(const std::filesystem::path& dir, ReportFormat format);

struct LogitsReportOptions {
    enum class Dtype : uint8_t { f32, bf16 } dtype = Dtype::f32;
    int64_t n_chunk = 0;  // tokens to a forward pass; 0: up to 256. 1 is token by token
    int n_threads = 0;    // 0: one per core
};

// `tokens_json` is a JSON array of ids. Returns a JSON array with, for each position, first8, sum,
// l2, top5. Errors: those of loading, and prompt_invalid for the ids.
Result<std::string> logits_report(const std::filesystem::path& dir, std::string_view tokens_json,
                                  const LogitsReportOptions& options);

}  // namespace engine
