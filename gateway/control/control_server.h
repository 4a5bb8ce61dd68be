#pragma once
// Takes ledger changes from other processes on this machine, over a Unix socket that only the owner
// of the ledger may open: so that a file has one writer and a new key works at once. And tells what
// runs.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "billing/billing.h"

namespace gateway {

// Serves from a thread of its own, one command at a time: a line in, a line out, then the
// connection closes.
class ControlServer {
public:
    // `socket` is created with mode 0600; a stale one of a dead process is replaced (the ledger's
    // lock says that no other process serves it). Throws std::runtime_error with one line when it
    // cannot. `show` answers {"op":"show"} with one line of JSON, on that thread; it may be empty.
    static std::unique_ptr<ControlServer> start(const std::filesystem::path& socket,
                                                billing::Billing& billing,
                                                std::function<std::string()> show = {});
    virtual ~ControlServer() = default;  // ends the thread, removes the socket
};

// Asks what runs; to the letter.
inline constexpr std::string_view kShowCommand = R"({"op":"show"})";

// "<ledger>.sock"
std::filesystem::path control_socket_of(const std::filesystem::path& ledger);

}  // namespace gateway
