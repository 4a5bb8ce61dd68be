#include "billing/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace billing {

Result<FileLock> FileLock::take(const std::filesystem::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return tl::unexpected(
            Error{Errc::ledger_unavailable, "open " + file.string() + ": " + std::strerror(errno)});
    }
    FileLock lock(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK) {
        return tl::unexpected(
            Error{Errc::owned_by_other, "another process holds " + file.string()});
    }
    return tl::unexpected(
        Error{Errc::ledger_unavailable, "lock " + file.string() + ": " + std::strerror(errno)});
}

FileLock::~FileLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace billing
