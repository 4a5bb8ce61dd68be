#include "gateway/control/control_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "gateway/server/file_descriptor.h"

namespace gateway {

std::optional<sockaddr_un> control_address(const std::filesystem::path& socket) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& name = socket.native();
    if (name.size() >= sizeof address.sun_path) return {};
    std::memcpy(address.sun_path, name.data(), name.size());
    return address;
}

void set_socket_timeouts(int fd) {
    const timeval ten_seconds{10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &ten_seconds, sizeof ten_seconds);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &ten_seconds, sizeof ten_seconds);
}

std::optional<std::string> read_line(int fd, size_t n_bytes_max) {
    std::string line;
    char buffer[16'384];
    while (line.size() <= n_bytes_max) {
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return {};
        const std::string_view part(buffer, static_cast<size_t>(n));
        const size_t end = part.find('\n');
        line.append(part.substr(0, end));
        if (end != part.npos) return line;
    }
    return {};
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
}

std::optional<std::string> ask_owner(const std::filesystem::path& socket,
                                     std::string_view request) {
    const auto address = control_address(socket);
    if (!address) return {};
    const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return {};
    set_socket_timeouts(fd.get());
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return {};
    if (!write_all(fd.get(), std::string(request) + "\n")) return {};
    auto answer = read_line(fd.get(), kCommandAnswerBytesMax);
    if (!answer) return R"({"ok":false,"error":"the running server did not answer; see its log"})";
    return answer;
}

}  // namespace gateway
