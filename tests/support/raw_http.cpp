#include "tests/support/raw_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

namespace support {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error("raw_http: " + what);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// The size of the chunked body at the front of `in`, or nothing while its last chunk has not come.
std::optional<size_t> take_chunks(std::string_view in, std::string& body) {
    size_t at = 0;
    for (;;) {
        const size_t line_end = in.find("\r\n", at);
        if (line_end == in.npos) return std::nullopt;
        const size_t size = std::stoul(std::string(in.substr(at, line_end - at)), nullptr, 16);
        at = line_end + 2;
        if (in.size() < at + size + 2) return std::nullopt;
        if (in.substr(at + size, 2) != "\r\n") fail("a chunk does not end in CRLF");
        body.append(in.substr(at, size));
        at += size + 2;
        if (size == 0) return at;
    }
}

// Takes one answer off the front. Nothing while it is incomplete and `at_end` is false.
std::optional<RawAnswer> take_answer(std::string& in, bool head_only, bool at_end) {
    const size_t head_end = in.find("\r\n\r\n");
    if (head_end == in.npos) return std::nullopt;
    if (in.compare(0, 9, "HTTP/1.1 ") != 0) fail("no status line: " + in.substr(0, 40));
    RawAnswer answer;
    answer.status = std::stoi(in.substr(9, 3));
    for (size_t at = in.find("\r\n") + 2; at < head_end + 2;) {
        const size_t line_end = in.find("\r\n", at);
        const size_t colon = in.find(": ", at);
        if (colon == in.npos || colon > line_end) fail("no header line");
        answer.fields[lower(in.substr(at, colon - at))] =
            in.substr(colon + 2, line_end - colon - 2);
        at = line_end + 2;
    }
    const std::string_view rest = std::string_view(in).substr(head_end + 4);
    size_t n_body = 0;
    const bool is_bare = head_only || answer.status < 200 || answer.status == 204;
    if (is_bare) {
        answer.complete = true;
    } else if (answer.fields.contains("transfer-encoding")) {
        const auto taken = take_chunks(rest, answer.body);
        if (!taken && !at_end) return std::nullopt;
        answer.complete = taken.has_value();
        n_body = taken.value_or(rest.size());
    } else if (answer.fields.contains("content-length")) {
        const size_t length = std::stoul(answer.fields["content-length"]);
        if (rest.size() < length && !at_end) return std::nullopt;
        answer.complete = rest.size() >= length;
        n_body = std::min(length, rest.size());
        answer.body = rest.substr(0, n_body);
    } else {
        if (!at_end) return std::nullopt;
        n_body = rest.size();
        answer.body = rest;
        answer.complete = true;
    }
    in.erase(0, head_end + 4 + n_body);
    return answer;
}

}  // namespace

RawClient::RawClient(std::string_view address, int receive_buffer) {
    const size_t colon = address.rfind(':');
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<uint16_t>(std::stoi(std::string(address.substr(colon + 1)))));
    if (inet_pton(AF_INET, std::string(address.substr(0, colon)).c_str(), &peer.sin_addr) != 1) {
        fail("no IPv4 address");
    }
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) fail("socket");
    if (receive_buffer > 0) {
        setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) {
        const std::string why = std::strerror(errno);
        close();
        fail("connect: " + why);
    }
}

RawClient::~RawClient() {
    close();
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0) return false;
        bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
}

void RawClient::end_output() {
    shutdown(fd_, SHUT_WR);
}

void RawClient::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

void RawClient::reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

// False at the peer's end.
bool RawClient::fill() {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) != 1) {
        fail("the peer is silent; so far: " + pending_.substr(0, 200));
    }
    char bytes[16'384];
    const ssize_t n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    pending_.append(bytes, static_cast<size_t>(n));
    return true;
}

RawAnswer RawClient::read_answer(bool head_only) {
    for (bool at_end = false;;) {
        if (auto answer = take_answer(pending_, head_only, at_end)) return *answer;
        if (at_end) fail("the peer closed before an answer: " + pending_.substr(0, 200));
        at_end = !fill();
    }
}

std::string RawClient::read_until(std::string_view mark) {
    size_t at = 0;
    while ((at = pending_.find(mark)) == std::string::npos) {
        if (!fill()) fail("the peer closed before the mark: " + pending_.substr(0, 200));
    }
    std::string taken = pending_.substr(0, at + mark.size());
    pending_.erase(0, at + mark.size());
    return taken;
}

std::string RawClient::read_to_end() {
    while (fill()) {
    }
    return std::exchange(pending_, {});
}

std::vector<RawAnswer> parse_answers(std::string_view bytes) {
    std::string in(bytes);
    std::vector<RawAnswer> answers;
    while (auto answer = take_answer(in, false, true)) answers.push_back(*answer);
    if (!in.empty()) fail("bytes behind the last answer: " + in.substr(0, 40));
    return answers;
}

}  // namespace support
