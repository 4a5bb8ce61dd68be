#include "engine/model/model_loader.h"

#include <cstring>

#include "config/ensure.h"
#include "engine/model/panel_packer.h"
#include "engine/model/stored_matrix.h"
#include "engine/model/tensor_set.h"
#include "engine/weights/convert.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

class Loader {
public:
    // A packer: fast mode.
    Loader(const ModelConfig& config, const TensorSet& tensors, std::optional<Dtype> convert_to,
           ConvertedStorage& storage, PanelPacker* packer)
        : c_(config),
          tensors_(tensors),
          convert_to_(convert_to),
          storage_(storage),
          packer_(packer) {}

    Result<ModelWeights> load(bool with_mtp);

private:
    const StoredTensor& stored(const std::string& name) const {
        const auto found = tensors_.find(name);
        ENSURE(found != tensors_.end());  // collect_tensors() has seen to it
        return found->second;
    }

    const Tensor& tensor(const std::string& name) const { return stored(name).tensor; }
    Matrix rows(const std::string& name);
    Matrix packed(Matrix matrix);
    Matrix matrix(const std::string& name) { return packed(rows(name)); }
    Matrix matrix_f32(const std::string& name);
    Vector vector(const std::string& name);
    Vector norm(const std::string& name) { return vector(name + ".weight"); }
    Result<const int32_t*> expert_ids(const std::string& name);
    HcWeights hc(const std::string& name);
    CompressorWeights compressor(const std::string& name);
    AttentionWeights attention(const std::string& name, AttentionKind kind);
    ExpertWeights expert(const std::string& name);
    Result<FfnWeights> ffn(const std::string& name, bool hash_routed);
    Result<LayerWeights> layer(const std::string& name, const LayerConfig& shape);
    Result<MtpWeights> mtp();

    const ModelConfig& c_;
    const TensorSet& tensors_;
    const std::optional<Dtype> convert_to_;
    ConvertedStorage& storage_;
    PanelPacker* const packer_;
};

Matrix Loader::packed(Matrix matrix) {
    if (packer_ != nullptr) packer_->pack(matrix);
    return matrix;
}

Matrix Loader::rows(const std::string& name) {
    const StoredTensor& s = stored(name + ".weight");
    if (!convert_to_ || !is_float(s.tensor.type)) return matrix_of(s, storage_);
    const auto& shape = s.tensor.shape;
    return {
        float_data(s.tensor, *convert_to_, storage_), *convert_to_, shape[0], shape[1], nullptr, 0};
}

Matrix Loader::matrix_f32(const std::string& name) {
    const Tensor& t = tensor(name);
    return {float_data(t, Dtype::f32, storage_), Dtype::f32, t.shape[0], t.shape[1], nullptr, 0};
}

Vector Loader::vector(const std::string& name) {
    return static_cast<const float*>(float_data(tensor(name), Dtype::f32, storage_));
}

// Ids as int32, each the number of an expert.
Result<const int32_t*> Loader::expert_ids(const std::string& name) {
    const Tensor& t = tensor(name);
    const int64_t n = n_elements(t.shape).value_or(0);
    auto* ids = static_cast<int32_t*>(storage_.allocate(n * static_cast<int64_t>(sizeof(int32_t))));
    for (int64_t i = 0; i < n; ++i) {
        int64_t id = 0;
        if (t.type == TensorType::i64) {
            std::memcpy(&id, t.bytes.data() + i * 8, 8);
        } else {
            int32_t narrow = 0;
            std::memcpy(&narrow, t.bytes.data() + i * 4, 4);
            id = narrow;
        }
        if (id < 0 || id >= c_.n_experts) {
            return tl::unexpected(Error{
                Errc::file_broken, t.file + ": tensor " + in_quotes(t.name) + ": expert " +
                                       std::to_string(id) + " of " + std::to_string(c_.n_experts)});
        }
        ids[i] = static_cast<int32_t>(id);
    }
    return ids;
}

HcWeights Loader::hc(const std::string& name) {
    return {matrix_f32(name + "_fn"), vector(name + "_base"), vector(name + "_scale")};
}

CompressorWeights Loader::compressor(const std::string& name) {
    return {matrix(name + ".wkv"), matrix(name + ".wgate"), vector(name + ".ape"),
            norm(name + ".norm")};
}

AttentionWeights Loader::attention(const std::string& name, AttentionKind kind) {
    AttentionWeights w;
    w.wq_a = matrix(name + ".wq_a");
    w.wq_b = matrix(name + ".wq_b");
    w.wkv = matrix(name + ".wkv");
    w.wo_b = matrix(name + ".wo_b");
    const Matrix wo_a = rows(name + ".wo_a");
    for (int64_t g = 0; g < c_.o_groups; ++g) {
        w.wo_a.push_back(packed(wo_a.row_range(g * c_.o_lora_rank, (g + 1) * c_.o_lora_rank)));
    }
    w.q_norm = norm(name + ".q_norm");
    w.kv_norm = norm(name + ".kv_norm");
    w.sink = vector(name + ".attn_sink");
    if (kind != AttentionKind::sliding) w.compressor = compressor(name + ".compressor");
    if (kind == AttentionKind::csa) {
        w.indexer.wq_b = matrix(name + ".indexer.wq_b");
        w.indexer.weights_proj = matrix(name + ".indexer.weights_proj");
        w.indexer.compressor = compressor(name + ".indexer.compressor");
    }
    return w;
}

ExpertWeights Loader::expert(const std::string& name) {
    return {matrix(name + ".w1"), matrix(name + ".w3"), matrix(name + ".w2")};
}

Result<FfnWeights> Loader::ffn(const std::string& name, bool hash_routed) {
    FfnWeights w;
    w.gate = matrix(name + ".gate");
    if (hash_routed) {
        const auto ids = expert_ids(name + ".gate.tid2eid");
        if (!ids) return tl::unexpected(ids.error());
        w.tid2eid = *ids;
    } else {
        w.gate_bias = vector(name + ".gate.bias");
    }
    w.experts.reserve(static_cast<size_t>(c_.n_experts));
    for (int64_t e = 0; e < c_.n_experts; ++e) {
        w.experts.push_back(expert(name + ".experts." + std::to_string(e)));
    }
    w.shared = expert(name + ".shared_experts");
    return w;
}

Result<LayerWeights> Loader::layer(const std::string& name, const LayerConfig& shape) {
    LayerWeights w;
    w.hc_attn = hc(name + ".hc_attn");
    w.hc_ffn = hc(name + ".hc_ffn");
    w.attn_norm = norm(name + ".attn_norm");
    w.ffn_norm = norm(name + ".ffn_norm");
    w.attn = attention(name + ".attn", shape.attention);
    auto loaded = ffn(name + ".ffn", shape.hash_routed);
    if (!loaded) return tl::unexpected(loaded.error());
    w.ffn = std::move(*loaded);
    return w;
}

Result<MtpWeights> Loader::mtp() {
    const std::string name = "mtp.0";
    MtpWeights w;
    w.e_proj = matrix(name + ".e_proj");
    w.h_proj = matrix(name + ".h_proj");
    w.enorm = norm(name + ".enorm");
    w.hnorm = norm(name + ".hnorm");
    w.norm = norm(name + ".norm");
    w.hc_head = hc(name + ".hc_head");
    auto loaded = layer(name, kMtpLayer);
    if (!loaded) return tl::unexpected(loaded.error());
    w.layer = std::move(*loaded);
    return w;
}

Result<ModelWeights> Loader::load(bool with_mtp) {
    ModelWeights weights;
    weights.embed = rows("embed");
    weights.head = matrix("head");
    weights.norm = norm("norm");
    weights.hc_head = hc("hc_head");
    for (int64_t i = 0; i < c_.n_layers; ++i) {
        auto loaded = layer("layers." + std::to_string(i), c_.layers[static_cast<size_t>(i)]);
        if (!loaded) return tl::unexpected(loaded.error());
        weights.layers.push_back(std::move(*loaded));
    }
    if (with_mtp) {
        auto loaded = mtp();
        if (!loaded) return tl::unexpected(loaded.error());
        weights.mtp = std::make_unique<MtpWeights>(std::move(*loaded));
    }
    return weights;
}

}  // namespace

Result<ModelWeights> load_weights(const ModelConfig& config, const TensorSource& source,
                                  const ModelOptions& options, ConvertedStorage& storage,
                                  kernels::PanelKinds& panel_kinds) {
    const bool with_mtp = options.with_mtp && has_mtp(source);
    const auto tensors =
        collect_tensors(config, source, with_mtp ? MtpTensors::take : MtpTensors::leave_out);
    if (!tensors) return tl::unexpected(tensors.error());
    if (options.numerics == Numerics::exact) {
        return Loader(config, *tensors, options.convert_to, storage, nullptr).load(with_mtp);
    }
    PanelPacker packer(storage);
    auto weights = Loader(config, *tensors, std::nullopt, storage, &packer).load(with_mtp);
    panel_kinds = packer.kinds();
    return weights;
}

}  // namespace engine
