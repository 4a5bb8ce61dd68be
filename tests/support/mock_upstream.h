#pragma once
// An OpenAI-compatible upstream that does what a script says, for tests and drivers. Serves
// loopback from a thread of its own and keeps a log of truth.
//
//   POST .../chat/completions  by the model's name, see mock_script.h
//   POST .../responses         the same in the Responses dialect, see mock_responses.h
//   GET  /log                  one JSON object a line for each request
//   POST /reset                forgets the log and the counters
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/mock_script.h"

namespace mock {

// One request, and what was truly sent for it: handed to the kernel.
struct Record {
    Request request;
    int64_t n_output = 0;     // tokens sent
    int64_t n_reasoning = 0;  // of n_output
    int64_t n_bytes = 0;
    std::string ended;  // complete, closed, reset, client_gone; empty while it runs
};

class Upstream {
public:
    explicit Upstream(uint16_t port = 0);  // 0: any
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    uint16_t port() const;
    std::string base_url() const;  // "http://127.0.0.1:<port>/v1"

    // Any thread, all below.
    // What requests for `model` get from now on, instead of what its name says.
    void set_script(const std::string& model, std::function<Script(const Request&)> make);
    std::vector<Record> log() const;
    std::string log_lines() const;
    int64_t n_connections() const;  // accepted since the last reset
    bool is_blocked() const;        // some client does not take what is sent
    // Waits until `n` requests have ended. False: they did not within half a minute.
    bool wait_ended(size_t n) const;
    // Closes the connections that wait for a request; yields when they are closed.
    void close_idle();
    void reset();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace mock
