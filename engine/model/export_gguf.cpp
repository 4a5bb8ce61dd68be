#include <set>

#include "engine/model/export.h"
#include "engine/model/gguf_export_keys.h"
#include "engine/model/stored_format.h"
#include "engine/model/tensor_specs.h"
#include "engine/model/tensor_writers.h"
#include "engine/weights/convert.h"
#include "engine/weights/gguf_names.h"
#include "engine/weights/json_strict.h"
#include "engine/weights/output_file.h"

namespace engine {
namespace {

// One tensor of the file: a matrix, or the stack of all experts' same matrix.
struct Planned {
    std::string name;
    TensorType type;
    std::vector<int64_t> shape;
    std::vector<const StoredTensor*> parts;
};

// llama.cpp reads blocks of 32 only in rows that they divide.
TensorType matrix_type(const Tensor& tensor) {
    const bool whole_blocks = tensor.shape.back() % 32 == 0;
    if (tensor.type == TensorType::f8_e4m3) {
        return whole_blocks ? TensorType::q8_0 : TensorType::bf16;
    }
    if (tensor.type == TensorType::i8 || tensor.type == TensorType::u8) {
        return tensor.shape.back() % 16 == 0 ? TensorType::mxfp4 : TensorType::bf16;
    }
    return tensor.type;
}

TensorType type_of(const TensorSpec& spec, const Tensor& tensor) {
    switch (spec.role) {
        case TensorRole::matrix:
            return matrix_type(tensor);
        case TensorRole::matrix_f32:
        case TensorRole::vector:
            return TensorType::f32;
        case TensorRole::table:
            return TensorType::i32;
    }
    return TensorType::f32;
}

class Plan {
public:
    explicit Plan(const ExportSource& from) {
        visit_tensor_specs(from.config, [&](const TensorSpec& spec) {
            add(spec, from.tensors.find(spec.name)->second, from.config.n_experts);
            return !problem_;
        });
    }
    const std::vector<Planned>& tensors() const { return tensors_; }
    const std::optional<Error>& problem() const { return problem_; }

private:
    void add(const TensorSpec& spec, const StoredTensor& stored, int64_t n_experts) {
        const std::string name = gguf_name_of(spec.name);
        const TensorType type = type_of(spec, stored.tensor);
        if (spec.name.find(".experts.") == std::string::npos) {
            tensors_.push_back({name, type, spec.shape, {&stored}});
            return;
        }
        const auto [place, fresh] = stacks_.emplace(name, tensors_.size());
        if (fresh) tensors_.push_back({name, type, {n_experts, spec.shape[0], spec.shape[1]}, {}});
        Planned& stack = tensors_[place->second];
        stack.parts.push_back(&stored);
        if (stack.type != type) {
            problem_ = Error{Errc::unsupported, stored.tensor.file + ": tensor " +
                                                    in_quotes(stored.tensor.name) +
                                                    ": experts of one layer in different types"};
        }
    }

    std::vector<Planned> tensors_;
    std::map<std::string, size_t> stacks_;
    std::optional<Error> problem_;
};

void write_padding(int64_t n, OutputFile& out) {
    const std::string zeros(static_cast<size_t>(GgufHeader::padded(n) - n), '\0');
    out.write(zeros);
}

}  // namespace

Result<void> export_gguf(const ExportSource& from, const std::filesystem::path& to,
                         const Progress& progress) {
    GgufHeader header;
    if (auto added = add_model_keys(from.config, to.stem().string(), header); !added) return added;
    if (auto added = add_tokenizer_keys(from, header); !added) return added;
    const Plan plan(from);
    if (plan.problem()) return tl::unexpected(*plan.problem());
    int64_t n_total = 0;
    for (const Planned& tensor : plan.tensors()) {
        header.tensor(tensor.name, tensor.type, tensor.shape);
        n_total += GgufHeader::padded(n_bytes(tensor.type, tensor.shape).value());
    }
    const std::string front = header.bytes();
    n_total += static_cast<int64_t>(front.size());
    auto file = OutputFile::create(to);
    if (!file) return tl::unexpected(file.error());
    if (progress) {
        file->on_progress = [&progress, n_total](int64_t n_done) { progress(n_done, n_total); };
    }
    file->write(front);
    for (const Planned& tensor : plan.tensors()) {
        for (const StoredTensor* part : tensor.parts) write_tensor(*part, tensor.type, *file);
        write_padding(n_bytes(tensor.type, tensor.shape).value(), *file);
    }
    return file->commit();
}

}  // namespace engine
