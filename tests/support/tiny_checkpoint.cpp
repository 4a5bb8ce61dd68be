#include "tests/support/tiny_checkpoint.h"

#include <unistd.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "engine/model/model_config.h"
#include "tests/support/synthetic_weights.h"

namespace support {
namespace {

using nlohmann::json;

// Every kind of layer: sliding, CSA, HCA; hash and score routing.
constexpr std::string_view kConfig = R"({
    "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4",
    "attention_bias": false, "hidden_act": "silu", "tie_word_embeddings": false,
    "bos_token_id": 0, "eos_token_id": 1, "vocab_size": 576, "max_position_embeddings": 4096,
    "hidden_size": 64, "num_hidden_layers": 4, "num_hash_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 32, "qk_rope_head_dim": 16,
    "q_lora_rank": 32, "o_groups": 2, "o_lora_rank": 16, "sliding_window": 8,
    "compress_ratios": [0, 4, 128, 4], "compress_rope_theta": 160000, "rope_theta": 10000,
    "rope_scaling": {"type": "yarn", "factor": 4, "beta_fast": 32, "beta_slow": 1,
                     "original_max_position_embeddings": 1024},
    "index_n_heads": 2, "index_head_dim": 32, "index_topk": 4,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1,
    "moe_intermediate_size": 32, "norm_topk_prob": true, "routed_scaling_factor": 1.5,
    "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc", "swiglu_limit": 10.0,
    "hc_mult": 2, "hc_sinkhorn_iters": 4, "hc_eps": 1e-6, "rms_norm_eps": 1e-6,
    "torch_dtype": "bfloat16"
})";

const char* type_name(engine::TensorType type) {
    switch (type) {
        case engine::TensorType::f32:
            return "F32";
        case engine::TensorType::bf16:
            return "BF16";
        case engine::TensorType::i64:
            return "I64";
        default:
            throw std::logic_error("no synthetic tensor has this type");
    }
}

void write_file(const std::filesystem::path& file, std::string_view bytes) {
    std::ofstream out(file, std::ios::binary);
    out << bytes;
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

std::filesystem::path fresh_dir() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-tiny-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    return name;
}

}  // namespace

std::string safetensors_of(const engine::TensorSource& source) {
    json header = json::object();
    std::string data;
    for (const engine::Tensor& tensor : source.tensors()) {
        const size_t begin = data.size();
        data.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
        header[tensor.name] = {{"dtype", type_name(tensor.type)},
                               {"shape", tensor.shape},
                               {"data_offsets", {begin, data.size()}}};
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t n_header = text.size();
    std::string file(sizeof n_header, '\0');
    std::memcpy(file.data(), &n_header, sizeof n_header);
    return file + text + data;
}

TinyCheckpoint::TinyCheckpoint(engine::TensorType matrix_type) : dir_(fresh_dir()) {
    const auto config = engine::parse_model_config(kConfig);
    if (!config) throw std::runtime_error(config.error().detail);
    const auto tensors = synthetic_tensors(*config, {.prefix = "tiny", .matrix_type = matrix_type});
    write_file(dir_ / "config.json", kConfig);
    write_file(dir_ / "model.safetensors", safetensors_of(*tensors));
    std::filesystem::copy_file(
        std::filesystem::path(WEIR_SOURCE_DIR) / "tests/engine/data/tokenizer.json",
        dir_ / "tokenizer.json");
}

TinyCheckpoint::~TinyCheckpoint() {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
}

}  // namespace support
