#include "gateway/upstream/plain_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gateway {

PlainConnection::~PlainConnection() {
    sockets_.forget(fd_);
    ::close(fd_);
}

void PlainConnection::want(bool to_read, bool to_write) {
    sockets_.watch(fd_, (to_read ? uint32_t{EPOLLIN} : 0) | (to_write ? uint32_t{EPOLLOUT} : 0),
                   *this);
}

ssize_t PlainConnection::receive(std::span<char> buffer) {
    return ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
}

ssize_t PlainConnection::send(std::span<const iovec> parts) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    return ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace gateway
