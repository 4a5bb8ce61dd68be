#pragma once
// What both ends of the control socket need: lines over blocking Unix sockets, with time-outs.
#include <sys/un.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// Nothing if the path does not fit sun_path.
std::optional<sockaddr_un> control_address(const std::filesystem::path& socket);
// Ten seconds each way: a command is small, and a commit takes milliseconds.
void set_socket_timeouts(int fd);
inline constexpr size_t kCommandBytesMax = 64 << 10;
inline constexpr size_t kCommandAnswerBytesMax = 64 << 20;  // a list of all there is
// One line without its end; nothing on end of file, time-out, or more than about n_bytes_max.
std::optional<std::string> read_line(int fd, size_t n_bytes_max);
bool write_all(int fd, std::string_view bytes);

// Sends one command to the owner of a ledger and waits for its answer. Nothing if no process
// listens there. Errors of a live owner come back as its answer.
std::optional<std::string> ask_owner(const std::filesystem::path& socket, std::string_view request);

}  // namespace gateway
