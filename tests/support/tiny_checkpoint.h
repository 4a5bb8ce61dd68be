#pragma once
// A checkpoint folder with a model of a few thousand weights, seeded, and the tests' small
// tokenizer, in the official layout: what Engine::open reads.
#include <filesystem>
#include <string>

#include "engine/weights/tensor_source.h"

namespace support {

class TinyCheckpoint {
public:
    explicit TinyCheckpoint(engine::TensorType matrix_type = engine::TensorType::bf16);
    ~TinyCheckpoint();  // removes the folder
    TinyCheckpoint(const TinyCheckpoint&) = delete;
    TinyCheckpoint& operator=(const TinyCheckpoint&) = delete;

    const std::filesystem::path& dir() const { return dir_; }

private:
    std::filesystem::path dir_;
};

// The file that holds these tensors.
std::string safetensors_of(const engine::TensorSource& source);

}  // namespace support
