#pragma once
#include <filesystem>
#include <utility>

#include "billing/error.h"

namespace billing {

// The right to write a ledger: an flock on a file beside it, held for life and dropped by the
// kernel however the process ends.
class FileLock {
public:
    // Errors: owned_by_other, at once; ledger_unavailable, if the file cannot be made.
    static Result<FileLock> take(const std::filesystem::path& file);
    FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileLock& operator=(FileLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileLock();

private:
    explicit FileLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace billing
