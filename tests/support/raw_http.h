#pragma once
// A blocking HTTP client over loopback that sends exactly the bytes it is given, for tests of what
// no well-behaved client sends. Whatever waits gives up after kPatience, by an exception: a test
// hangs never.
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace support {

inline constexpr std::chrono::seconds kPatience{20};

struct RawAnswer {
    int status = 0;
    std::map<std::string, std::string> fields;  // names in lower case; the last of equal names
    std::string body;                           // chunks joined
    bool complete = false;                      // the body came whole
};

class RawClient {
public:
    // "127.0.0.1:8080". `receive_buffer` above 0 sets SO_RCVBUF, for a client that reads slowly.
    explicit RawClient(std::string_view address, int receive_buffer = 0);
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    ~RawClient();

    // False: the peer has closed.
    bool send(std::string_view bytes);
    void end_output();  // FIN, half-closed
    void close();
    void reset();  // RST

    // One answer, pipelined ones stay for the next call. `head_only`: it answers a HEAD.
    RawAnswer read_answer(bool head_only = false);
    // Until `mark` has come; all up to and with it.
    std::string read_until(std::string_view mark);
    // Until the peer closes, by FIN or RST.
    std::string read_to_end();
    int descriptor() const { return fd_; }

private:
    bool fill();

    int fd_ = -1;
    std::string pending_;  // received, not yet returned
};

// All answers in what a connection sent until its end; HEAD answers excepted.
std::vector<RawAnswer> parse_answers(std::string_view bytes);

}  // namespace support
