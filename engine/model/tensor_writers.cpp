#include "engine/model/tensor_writers.h"

#include <cstring>

#include "config/ensure.h"
#include "engine/kernels/dequantise.h"
#include "engine/kernels/gguf_blocks.h"
#include "engine/model/stored_matrix.h"
#include "engine/weights/convert.h"

namespace engine {
namespace {

constexpr int64_t kGroup = 32;  // numbers of one fp4 or mxfp4 scale
constexpr int64_t kPairs = kGroup / 2;

const uint8_t* bytes_of(const Tensor& tensor) {
    return reinterpret_cast<const uint8_t*>(tensor.bytes.data());
}

// Number i of 32 is nibble i % 2 of byte i / 2 in pairs, and nibble i / 16 of byte i % 16 in mxfp4.
void pairs_to_mxfp4(const uint8_t* pairs, uint8_t* out) {
    const auto code = [pairs](int64_t i) { return pairs[i / 2] >> (i % 2 * 4) & 15; };
    for (int64_t i = 0; i < kPairs; ++i) {
        out[i] = static_cast<uint8_t>(code(i) | code(i + kPairs) << 4);
    }
}

void mxfp4_to_pairs(const uint8_t* block, uint8_t* out) {
    const auto code = [block](int64_t i) { return block[i % kPairs] >> (i / kPairs * 4) & 15; };
    for (int64_t i = 0; i < kPairs; ++i) {
        out[i] = static_cast<uint8_t>(code(2 * i) | code(2 * i + 1) << 4);
    }
}

void write_fp4_as_mxfp4(const StoredTensor& stored, OutputFile& out) {
    ENSURE(stored.tensor.shape[1] % kPairs == 0);
    const int64_t n_blocks = stored.tensor.shape[0] * stored.tensor.shape[1] / kPairs;
    const uint8_t* pairs = bytes_of(stored.tensor);
    const uint8_t* scales = bytes_of(*stored.scale);
    uint8_t block[1 + kPairs];
    for (int64_t i = 0; i < n_blocks; ++i) {
        block[0] = scales[i];
        pairs_to_mxfp4(pairs + i * kPairs, block + 1);
        out.write(std::as_bytes(std::span(block)));
    }
}

int64_t n_mxfp4_blocks(const Tensor& tensor) {
    return tensor.shape[0] * (tensor.shape[1] / kGroup);
}

void write_mxfp4_as_fp4(const Tensor& tensor, OutputFile& out) {
    uint8_t pairs[kPairs];
    for (int64_t i = 0; i < n_mxfp4_blocks(tensor); ++i) {
        mxfp4_to_pairs(bytes_of(tensor) + i * (1 + kPairs) + 1, pairs);
        out.write(std::as_bytes(std::span(pairs)));
    }
}

void write_row(const std::vector<float>& row, TensorType to, std::vector<std::byte>& bytes,
               OutputFile& out) {
    if (to == TensorType::f32) return out.write(std::as_bytes(std::span(row)));
    if (to == TensorType::q8_0) {
        ENSURE(row.size() % 32 == 0);
        bytes.resize(row.size() / 32 * 34);
        auto* block = reinterpret_cast<uint8_t*>(bytes.data());
        for (size_t i = 0; i < row.size(); i += 32, block += 34) {
            kernels::write_q8_0(row.data() + i, block);
        }
        return out.write(bytes);
    }
    ENSURE(to == TensorType::bf16);
    bytes.resize(row.size() * 2);
    for (size_t i = 0; i < row.size(); ++i) {
        const uint16_t narrow = to_bf16(row[i]);
        std::memcpy(bytes.data() + 2 * i, &narrow, 2);
    }
    out.write(bytes);
}

void write_numbers(const StoredTensor& stored, TensorType to, OutputFile& out) {
    ConvertedStorage storage;
    StoredTensor as_matrix = stored;  // a vector is a matrix of one row
    auto& shape = as_matrix.tensor.shape;
    if (shape.size() < 2) shape.insert(shape.begin(), 2 - shape.size(), 1);
    const Matrix matrix = matrix_of(as_matrix, storage);
    std::vector<float> row(static_cast<size_t>(matrix.cols));
    std::vector<std::byte> bytes;
    for (int64_t i = 0; i < matrix.rows && !out.failed(); ++i) {
        kernels::dequantise(matrix, i, 0, matrix.cols, row.data());
        write_row(row, to, bytes, out);
    }
}

void write_table(const Tensor& tensor, TensorType to, OutputFile& out) {
    const int64_t n = n_elements(tensor.shape).value_or(0);
    for (int64_t i = 0; i < n; ++i) {
        int64_t wide = 0;
        int32_t narrow = 0;
        if (tensor.type == TensorType::i64) {
            std::memcpy(&wide, tensor.bytes.data() + i * 8, 8);
        } else {
            std::memcpy(&narrow, tensor.bytes.data() + i * 4, 4);
            wide = narrow;
        }
        narrow = static_cast<int32_t>(wide);
        if (to == TensorType::i64) {
            out.write(std::as_bytes(std::span(&wide, 1)));
        } else {
            out.write(std::as_bytes(std::span(&narrow, 1)));
        }
    }
}

bool is_fp4(TensorType type) {
    return type == TensorType::i8 || type == TensorType::u8;
}

// In pieces, so that progress shows.
void write_bytes(std::span<const std::byte> bytes, OutputFile& out) {
    constexpr size_t kPiece = 1 << 20;
    for (size_t begin = 0; begin < bytes.size() && !out.failed(); begin += kPiece) {
        out.write(bytes.subspan(begin, std::min(kPiece, bytes.size() - begin)));
    }
}

}  // namespace

void write_tensor(const StoredTensor& stored, TensorType to, OutputFile& out) {
    const TensorType from = stored.tensor.type;
    if (from == to) {
        write_bytes(stored.tensor.bytes, out);
    } else if (from == TensorType::i64 || from == TensorType::i32) {
        write_table(stored.tensor, to, out);
    } else if (is_fp4(from) && to == TensorType::mxfp4) {
        write_fp4_as_mxfp4(stored, out);
    } else if (from == TensorType::mxfp4 && is_fp4(to)) {
        write_mxfp4_as_fp4(stored.tensor, out);
    } else {
        write_numbers(stored, to, out);
    }
}

void write_mxfp4_scales(const Tensor& tensor, OutputFile& out) {
    for (int64_t i = 0; i < n_mxfp4_blocks(tensor); ++i) {
        out.write(tensor.bytes.subspan(static_cast<size_t>(i * (1 + kPairs)), 1));
    }
}

}  // namespace engine
