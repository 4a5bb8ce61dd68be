#include <nlohmann/json.hpp>

#include "engine/model/export.h"
#include "engine/model/stored_format.h"
#include "engine/model/tensor_writers.h"
#include "engine/weights/convert.h"
#include "engine/weights/output_file.h"

namespace engine {
namespace {

using nlohmann::ordered_json;

struct PlannedTensor {
    std::string name;
    TensorType type;
    std::vector<int64_t> shape;
    std::function<void(OutputFile&)> write;
};

void plan(const std::string& name, const StoredTensor& stored, std::vector<PlannedTensor>& out) {
    const Tensor& t = stored.tensor;
    const auto as = [&stored](TensorType type) {
        return [&stored, type](OutputFile& file) { write_tensor(stored, type, file); };
    };
    if (t.type == TensorType::i64 || t.type == TensorType::i32) {
        out.push_back({name, TensorType::i64, t.shape, as(TensorType::i64)});
    } else if (t.type == TensorType::mxfp4) {
        const std::string scale = name.substr(0, name.rfind('.')) + ".scale";
        out.push_back({name, TensorType::i8, {t.shape[0], t.shape[1] / 2}, as(TensorType::i8)});
        out.push_back(
            {scale, TensorType::f8_e8m0, {t.shape[0], t.shape[1] / 32}, [&t](OutputFile& file) {
                 write_mxfp4_scales(t, file);
             }});
    } else if (is_float(t.type) || is_quantised_beside_scales(t.type)) {
        const bool bytes = t.type == TensorType::u8;
        out.push_back({name, bytes ? TensorType::i8 : t.type, t.shape, as(t.type)});
        if (!stored.scale) return;
        const Tensor& s = *stored.scale;
        const std::string scale = name.substr(0, name.rfind('.')) + ".scale";
        const TensorType type = s.type == TensorType::u8 ? TensorType::f8_e8m0 : s.type;
        out.push_back({scale, type, s.shape, [&s](OutputFile& file) { file.write(s.bytes); }});
    } else {
        out.push_back({name, TensorType::bf16, t.shape, as(TensorType::bf16)});
    }
}

// Length, JSON, blanks up to where tensors are aligned.
std::string header_of(const std::vector<PlannedTensor>& tensors, int64_t& n_data) {
    ordered_json header = {{"__metadata__", {{"format", "pt"}}}};
    n_data = 0;
    for (const PlannedTensor& tensor : tensors) {
        const int64_t size = n_bytes(tensor.type, tensor.shape).value();
        header[tensor.name] = {{"dtype", to_string(tensor.type)},
                               {"shape", tensor.shape},
                               {"data_offsets", {n_data, n_data + size}}};
        n_data += size;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t length = text.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text;
}

Result<void> write_text(const std::filesystem::path& path, const std::string& text) {
    auto file = OutputFile::create(path);
    if (!file) return tl::unexpected(file.error());
    file->write(text);
    return file->commit();
}

}  // namespace

Result<void> export_safetensors(const ExportSource& from, const std::filesystem::path& to,
                                const Progress& progress) {
    auto folder = OutputFolder::create(to);
    if (!folder) return tl::unexpected(folder.error());
    std::vector<PlannedTensor> tensors;
    for (const auto& [name, stored] : from.tensors) plan(name, stored, tensors);
    // Wide numbers first keep every tensor aligned.
    std::stable_sort(tensors.begin(), tensors.end(),
                     [](const PlannedTensor& a, const PlannedTensor& b) {
                         const int64_t one[] = {1};
                         return n_bytes(a.type, one).value_or(0) > n_bytes(b.type, one).value_or(0);
                     });
    int64_t n_data = 0;
    const std::string header = header_of(tensors, n_data);
    auto file = OutputFile::create(folder->dir() / "model.safetensors");
    if (!file) return tl::unexpected(file.error());
    const int64_t n_total = n_data + static_cast<int64_t>(header.size());
    if (progress) {
        file->on_progress = [&progress, n_total](int64_t n_done) { progress(n_done, n_total); };
    }
    file->write(header);
    for (const PlannedTensor& tensor : tensors) tensor.write(*file);
    if (auto done = file->commit(); !done) return done;
    if (auto done = write_text(folder->dir() / "config.json", from.files.config_json); !done) {
        return done;
    }
    if (!from.files.tokenizer_json.empty()) {
        auto done = write_text(folder->dir() / "tokenizer.json", from.files.tokenizer_json);
        if (!done) return done;
    }
    return folder->commit();
}

}  // namespace engine
