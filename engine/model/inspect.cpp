#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/kernels/numerics.h"
#include "engine/model/model_options.h"
#include "engine/model/tensor_specs.h"
#include "engine/model_tools.h"
#include "engine/weights/model_files.h"
#include "engine/weights/tensor_names.h"

namespace engine {
namespace {

using nlohmann::ordered_json;

const char* to_string(AttentionKind kind) {
    switch (kind) {
        case AttentionKind::sliding:
            return "sliding";
        case AttentionKind::csa:
            return "csa";
        case AttentionKind::hca:
            return "hca";
    }
    return "?";
}

struct Held {  // tensors of one element type
    int64_t n_tensors = 0;
    int64_t n_bytes = 0;
};

struct Contents {
    std::map<std::string, Held> by_type;
    Held total, mtp;
    std::map<std::string, int64_t> files;  // bytes of tensors in each
};

Contents contents_of(const TensorSource& source) {
    Contents contents;
    for (const auto& tensor : source.tensors()) {
        const auto n_bytes = static_cast<int64_t>(tensor.bytes.size());
        const auto add = [&](Held& held) {
            ++held.n_tensors;
            held.n_bytes += n_bytes;
        };
        add(contents.by_type[std::string(to_string(tensor.type))]);
        add(contents.total);
        if (official_name(tensor.name).starts_with("mtp.")) add(contents.mtp);
        contents.files[std::filesystem::path(tensor.file).filename().string()] += n_bytes;
    }
    return contents;
}

ordered_json describe_config(const ModelConfig& c) {
    return {{"n_vocab", c.n_vocab},
            {"n_embd", c.n_embd},
            {"n_layers", c.n_layers},
            {"n_heads", c.n_heads},
            {"head_dim", c.head_dim},
            {"n_rot", c.n_rot},
            {"q_lora_rank", c.q_lora_rank},
            {"o_groups", c.o_groups},
            {"o_lora_rank", c.o_lora_rank},
            {"n_window", c.n_window},
            {"n_hc", c.n_hc},
            {"n_experts", c.n_experts},
            {"n_experts_used", c.n_experts_used},
            {"n_ff", c.n_ff},
            {"indexer_heads", c.indexer.n_heads},
            {"indexer_head_dim", c.indexer.head_dim},
            {"indexer_top_k", c.indexer.top_k},
            {"n_ctx_max", c.n_ctx_max},
            {"bos_token", c.bos_token},
            {"eos_token", c.eos_token}};
}

ordered_json describe(const ModelConfig& config, const Contents& contents) {
    ordered_json report;
    report["parameters"] = n_parameters(config);
    report["config"] = describe_config(config);
    report["numerics"] = {to_string(Numerics::exact), to_string(Numerics::fast)};
    report["roundings"] = {"none"};
    if (check_roundings(config, Roundings::official)) report["roundings"].push_back("official");
    report["kv"] = ordered_json::array();
    report["kv_bytes_per_token"] = ordered_json::object();
    for (const KvFormat format : {KvFormat::f32, KvFormat::bf16, KvFormat::official}) {
        if (!check_kv_format(config, format)) continue;
        report["kv"].push_back(to_string(format));
        report["kv_bytes_per_token"][to_string(format)] =
            static_cast<double>(kv_bytes(config, format, config.n_ctx_max).growing) /
            static_cast<double>(config.n_ctx_max);
    }
    report["layers"] = ordered_json::array();
    for (const auto& layer : config.layers) {
        report["layers"].push_back({{"attention", to_string(layer.attention)},
                                    {"compress_ratio", layer.compress_ratio},
                                    {"router", layer.hash_routed ? "hash" : "score"}});
    }
    report["tensors"] = contents.total.n_tensors;
    report["bytes"] = contents.total.n_bytes;
    report["mtp_tensors"] = contents.mtp.n_tensors;
    report["types"] = ordered_json::object();
    for (const auto& [type, held] : contents.by_type) {
        report["types"][type] = {{"tensors", held.n_tensors}, {"bytes", held.n_bytes}};
    }
    report["files"] = ordered_json::object();
    for (const auto& [file, n_bytes] : contents.files) report["files"][file] = n_bytes;
    return report;
}

// Layers in a row that are alike on one line: "layer 3-5: csa 4, score-routed experts".
void write_layers(const ModelConfig& config, std::ostream& out) {
    for (size_t first = 0; first < config.layers.size();) {
        size_t end = first + 1;
        while (end < config.layers.size() && config.layers[end] == config.layers[first]) ++end;
        const LayerConfig& layer = config.layers[first];
        out << "  layer " << first;
        if (end - first > 1) out << '-' << end - 1;
        out << ": " << to_string(layer.attention);
        if (layer.compress_ratio > 0) out << ' ' << layer.compress_ratio;
        out << (layer.hash_routed ? ", hash-routed experts\n" : ", score-routed experts\n");
        first = end;
    }
}

std::string as_text(const ordered_json& report, const ModelConfig& config) {
    std::ostringstream out;
    out << "parameters " << report["parameters"] << '\n';
    for (const auto& [key, value] : report["config"].items()) out << key << ' ' << value << '\n';
    for (const char* key : {"numerics", "roundings"}) {
        out << key;
        for (const auto& word : report[key]) out << ' ' << word.get<std::string>();
        out << '\n';
    }
    for (const auto& [format, bytes] : report["kv_bytes_per_token"].items()) {
        out << "kv " << format << ", bytes per token " << bytes << '\n';
    }
    write_layers(config, out);
    out << "tensors " << report["tensors"] << ", bytes " << report["bytes"] << ", of MTP "
        << report["mtp_tensors"] << '\n';
    for (const auto& [type, held] : report["types"].items()) {
        out << "  " << type << ": " << held["tensors"] << " tensors, " << held["bytes"]
            << " bytes\n";
    }
    for (const auto& [file, n_bytes] : report["files"].items()) {
        out << "  " << file << ": " << n_bytes << " bytes\n";
    }
    std::string text = std::move(out).str();
    text.pop_back();
    return text;
}

}  // namespace

Result<std::string> inspect_model(const std::filesystem::path& path, ReportFormat format) {
    const auto files = open_model_files(path);
    if (!files) return tl::unexpected(files.error());
    const auto config = parse_model_config(*files);
    if (!config) return tl::unexpected(config.error());
    const ordered_json report = describe(*config, contents_of(*files->tensors));
    if (format == ReportFormat::json) {
        return report.dump(2, ' ', true, ordered_json::error_handler_t::replace);
    }
    return as_text(report, *config);
}

}  // namespace engine
