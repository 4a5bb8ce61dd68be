#pragma once
// A file's bytes, mapped read-only. The file must not shrink while it is mapped: touching lost
// pages ends the process, as for every program that maps its model.
#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

#include "engine/engine.h"

namespace engine {

class MappedFile {
public:
    // Errors: file_missing; file_broken, if it is no regular file or cannot be mapped.
    static Result<MappedFile> open(const std::filesystem::path& path);
    MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~MappedFile();

    std::span<const std::byte> bytes() const { return bytes_; }

private:
    explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes_;
};

// A small text file whole. Errors as above; file_broken, if longer than size_max.
Result<std::string> read_text_file(const std::filesystem::path& path, size_t size_max);

}  // namespace engine
