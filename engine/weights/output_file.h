#pragma once
// A large file that is there whole or not at all: written under another name beside its place, then
// synced and renamed. Dropped before commit(), it leaves nothing behind.
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "engine/engine.h"

namespace engine {

class OutputFile {
public:
    // Errors: file_broken, if something stands at `path` already or the folder cannot be written
    // to.
    static Result<OutputFile> create(const std::filesystem::path& path);
    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    // A failure is kept and told by commit(): nothing more is written after it.
    void write(std::span<const std::byte> bytes);
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    int64_t n_written() const { return n_written_; }
    bool failed() const { return error_ != 0; }
    Result<void> commit();

    // Called with n_written() now and then.
    std::function<void(int64_t)> on_progress;

private:
    OutputFile(std::filesystem::path path, std::filesystem::path temporary, int fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
    void flush();

    std::filesystem::path path_, temporary_;
    int fd_ = -1;
    int error_ = 0;
    int64_t n_written_ = 0;
    std::string buffer_;
};

// The same for a folder: what is written into dir() appears under `path` at commit().
class OutputFolder {
public:
    static Result<OutputFolder> create(const std::filesystem::path& path);
    OutputFolder(OutputFolder&& other) noexcept;
    OutputFolder& operator=(OutputFolder&&) = delete;
    ~OutputFolder();

    const std::filesystem::path& dir() const { return temporary_; }
    Result<void> commit();

private:
    OutputFolder(std::filesystem::path path, std::filesystem::path temporary)
        : path_(std::move(path)), temporary_(std::move(temporary)) {}
    std::filesystem::path path_, temporary_;
};

}  // namespace engine
