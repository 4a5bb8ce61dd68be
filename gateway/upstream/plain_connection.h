#pragma once
// One TCP connection to an upstream: a non-blocking socket in a SocketSet, with whoever uses it.
#include <sys/types.h>
#include <sys/uio.h>

#include <span>

#include "gateway/upstream/socket_set.h"

namespace gateway {

// Confined to one io thread.
class PlainConnection final : public SocketWatcher {
public:
    class User {
    public:
        virtual ~User() = default;
        // May let go of the connection.
        virtual void on_ready(PlainConnection& connection, Readiness ready) = 0;
    };

    // Takes over `fd`, connected and non-blocking.
    PlainConnection(SocketSet& sockets, int fd) : sockets_(sockets), fd_(fd) {}
    ~PlainConnection() override;
    PlainConnection(const PlainConnection&) = delete;
    PlainConnection& operator=(const PlainConnection&) = delete;

    // From now on `user` hears of what it wants to.
    void used_by(User& user) { user_ = &user; }
    // Throws std::system_error.
    void want(bool to_read, bool to_write);
    // Bytes moved, or -1 with errno; receive: 0 is the end.
    ssize_t receive(std::span<char> buffer);
    ssize_t send(std::span<const iovec> parts);

private:
    void on_ready(Readiness ready) override { user_->on_ready(*this, ready); }

    SocketSet& sockets_;
    const int fd_;
    User* user_ = nullptr;
};

}  // namespace gateway
