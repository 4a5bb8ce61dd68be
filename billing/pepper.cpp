#include "billing/pepper.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "billing/key_hasher.h"

namespace billing {
namespace {

tl::unexpected<Error> refused(const std::filesystem::path& file, const std::string& why) {
    return tl::unexpected(Error{Errc::ledger_unavailable, "pepper " + file.string() + ": " + why});
}

class Descriptor {
public:
    Descriptor(const std::filesystem::path& file, int flags, mode_t mode = 0)
        : fd_(::open(file.c_str(), flags | O_CLOEXEC, mode)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

}  // namespace

Result<Pepper> read_pepper(const std::filesystem::path& file) {
    const Descriptor descriptor(file, O_RDONLY);
    if (descriptor.get() < 0) return refused(file, std::strerror(errno));
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) return refused(file, std::strerror(errno));
    if ((status.st_mode & 0177) != 0) {
        return refused(file, "others may read it; run: chmod 600 " + file.string());
    }
    std::array<unsigned char, std::tuple_size_v<Pepper> + 1> bytes;
    const ssize_t n_read = ::read(descriptor.get(), bytes.data(), bytes.size());
    Pepper pepper;
    if (n_read != static_cast<ssize_t>(pepper.size())) {
        return refused(file, "is not 32 bytes; put back the one that was made with this ledger");
    }
    std::memcpy(pepper.data(), bytes.data(), pepper.size());
    return pepper;
}

Result<Pepper> create_pepper(const std::filesystem::path& file) {
    Pepper pepper;
    if (RAND_bytes(pepper.data(), static_cast<int>(pepper.size())) != 1) {
        return refused(file, "no random bytes");
    }
    // Whole or not at all: written under another name, then linked, which never replaces.
    std::filesystem::path draft = file;
    draft += ".new";
    ::unlink(draft.c_str());
    const Descriptor descriptor(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const bool is_written = descriptor.get() >= 0 &&
                            ::write(descriptor.get(), pepper.data(), pepper.size()) ==
                                static_cast<ssize_t>(pepper.size()) &&
                            ::fsync(descriptor.get()) == 0 &&
                            ::link(draft.c_str(), file.c_str()) == 0;
    const int why = errno;
    ::unlink(draft.c_str());
    if (!is_written) return refused(file, std::strerror(why));
    const auto folder = std::filesystem::absolute(file).parent_path();
    const Descriptor directory(folder, O_RDONLY | O_DIRECTORY);
    if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
        return refused(file, std::strerror(errno));
    }
    return pepper;
}

Digest pepper_check(const Pepper& pepper) {
    return make_key_hasher(pepper)->digest("weir pepper check");
}

}  // namespace billing
