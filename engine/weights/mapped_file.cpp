#include "engine/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace engine {
namespace {

tl::unexpected<Error> failure(Errc code, const std::filesystem::path& path,
                              const std::string& what) {
    return tl::unexpected(Error{code, path.string() + ": " + what});
}

tl::unexpected<Error> system_failure(const std::filesystem::path& path, int error) {
    return failure(error == ENOENT || error == ENOTDIR ? Errc::file_missing : Errc::file_broken,
                   path, std::generic_category().message(error));
}

struct Descriptor {
    int fd;
    ~Descriptor() { ::close(fd); }
};

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_failure(path, errno);
    const Descriptor descriptor{fd};
    struct stat info {};
    if (::fstat(fd, &info) != 0) return system_failure(path, errno);
    if (!S_ISREG(info.st_mode)) return failure(Errc::file_broken, path, "not a regular file");
    const auto size = static_cast<size_t>(info.st_size);
    if (size == 0) return MappedFile({});
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) return system_failure(path, errno);
    return MappedFile({static_cast<const std::byte*>(address), size});
}

MappedFile::~MappedFile() {
    // munmap wants the pointer mmap gave, which was not const.
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<std::string> read_text_file(const std::filesystem::path& path, size_t size_max) {
    auto file = MappedFile::open(path);
    if (!file) return tl::unexpected(file.error());
    const auto bytes = file->bytes();
    if (bytes.size() > size_max) {
        return failure(
            Errc::file_broken, path,
            std::to_string(bytes.size()) + " bytes, at most " + std::to_string(size_max));
    }
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace engine
