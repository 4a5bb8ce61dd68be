#include "engine/weights/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace engine {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

tl::unexpected<Error> failure(const std::filesystem::path& path, int error) {
    return tl::unexpected(
        Error{Errc::file_broken, path.string() + ": " + std::generic_category().message(error)});
}

std::filesystem::path beside(const std::filesystem::path& path) {
    std::filesystem::path plain = path;
    if (!plain.has_filename()) plain = plain.parent_path();  // "x/" is "x"
    return plain.string() + ".tmp-" + std::to_string(::getpid());
}

Result<void> must_be_free(const std::filesystem::path& path) {
    std::error_code ignored;
    const auto status = std::filesystem::symlink_status(path, ignored);
    if (status.type() == std::filesystem::file_type::not_found) return {};
    return tl::unexpected(Error{Errc::file_broken, path.string() + " exists already: name another "
                                                                   "place, or remove it"});
}

// Names in a folder last only once the folder is on disk too.
int sync_folder(const std::filesystem::path& folder) {
    const int fd =
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return error;
}

Result<void> put_in_place(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (auto place = must_be_free(to); !place) return place;
    if (::rename(from.c_str(), to.c_str()) != 0) return failure(to, errno);
    if (const int error = sync_folder(to.parent_path()); error != 0) return failure(to, error);
    return {};
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
    if (auto place = must_be_free(path); !place) return tl::unexpected(place.error());
    const auto temporary = beside(path);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return failure(temporary, errno);
    return OutputFile(path, temporary, fd);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : on_progress(std::move(other.on_progress)),
      path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      error_(other.error_),
      n_written_(other.n_written_),
      buffer_(std::move(other.buffer_)) {}

OutputFile::~OutputFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
    if (error_ != 0) return;
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    n_written_ += static_cast<int64_t>(bytes.size());
    if (buffer_.size() < kBufferBytes) return;
    flush();
    if (on_progress) on_progress(n_written_);
}

void OutputFile::flush() {
    size_t done = 0;
    while (error_ == 0 && done < buffer_.size()) {
        const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
        if (n >= 0) {
            done += static_cast<size_t>(n);
        } else if (errno != EINTR) {
            error_ = errno;
        }
    }
    buffer_.clear();
}

Result<void> OutputFile::commit() {
    flush();
    if (error_ == 0 && ::fsync(fd_) != 0) error_ = errno;
    if (error_ != 0) return failure(path_, error_);
    if (auto placed = put_in_place(temporary_, path_); !placed) return placed;
    ::close(std::exchange(fd_, -1));
    if (on_progress) on_progress(n_written_);
    return {};
}

Result<OutputFolder> OutputFolder::create(const std::filesystem::path& path) {
    if (auto place = must_be_free(path); !place) return tl::unexpected(place.error());
    const auto temporary = beside(path);
    std::error_code error;
    if (!std::filesystem::create_directory(temporary, error)) {
        return failure(temporary, error ? error.value() : EEXIST);
    }
    return OutputFolder(path, temporary);
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

OutputFolder::~OutputFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

Result<void> OutputFolder::commit() {
    if (const int error = sync_folder(temporary_); error != 0) return failure(temporary_, error);
    std::filesystem::path to = path_;
    if (!to.has_filename()) to = to.parent_path();
    if (auto placed = put_in_place(temporary_, to); !placed) return placed;
    temporary_.clear();
    return {};
}

}  // namespace engine
