#include "tests/support/mock_upstream.h"

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cctype>
#include <condition_variable>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace mock {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace asio::experimental::awaitable_operators;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr size_t kHeadBytesMax = 64 << 10;

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == text.npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

Request read_head(std::string_view head) {
    Request request;
    size_t at = head.find("\r\n");
    const std::string_view line = head.substr(0, at);
    const size_t space = line.find(' ');
    request.method = line.substr(0, space);
    if (space != line.npos)
        request.path = line.substr(space + 1, line.find(' ', space + 1) - space - 1);
    while (at != head.npos && at + 2 < head.size()) {
        const size_t end = head.find("\r\n", at + 2);
        const std::string_view field = head.substr(at + 2, end == head.npos ? end : end - at - 2);
        const size_t colon = field.find(':');
        if (colon != field.npos) {
            request.headers[lower(std::string(field.substr(0, colon)))] =
                trimmed(field.substr(colon + 1));
        }
        at = end;
    }
    return request;
}

size_t content_length(const Request& request) {
    const auto found = request.headers.find("content-length");
    return found == request.headers.end() ? 0 : static_cast<size_t>(std::stoull(found->second));
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string simple_answer(int status, std::string_view type, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) + " Mock\r\ncontent-type: " + std::string(type) +
           "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

nlohmann::json to_json(const Record& record) {
    const Request& request = record.request;
    return {{"id", request.id},
            {"model", request.model},
            {"stream", request.stream},
            {"prompt_tokens", request.n_prompt_tokens},
            {"output_tokens", record.n_output},
            {"reasoning_tokens", record.n_reasoning},
            {"bytes", record.n_bytes},
            {"ended", record.ended},
            {"headers", request.headers},
            {"body", request.body}};
}

}  // namespace

struct Upstream::State {
    explicit State(uint16_t port)
        : acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {}

    asio::io_context io{1};
    tcp::acceptor acceptor;
    std::set<tcp::socket*> idle;  // io thread only
    std::thread thread;

    mutable std::mutex mutex;
    mutable std::condition_variable ended;
    std::vector<Record> records;
    std::map<std::string, std::function<Script(const Request&)>> scripts;
    int64_t n_connections = 0;
    int64_t n_blocked = 0;
    uint64_t n_resets = 0;

    // Changes a record, unless a reset has taken it away.
    template <class F>
    void update(uint64_t epoch, int64_t id, F change) {
        const std::lock_guard lock(mutex);
        if (epoch != n_resets) return;
        change(records[static_cast<size_t>(id - 1)]);
        ended.notify_all();
    }

    asio::awaitable<void> accept() {
        while (true) {
            auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
            if (error) co_return;
            {
                const std::lock_guard lock(mutex);
                ++n_connections;
            }
            asio::co_spawn(io, serve(std::move(socket)), asio::detached);
        }
    }

    asio::awaitable<void> serve(tcp::socket socket) {
        socket.set_option(tcp::no_delay(true));
        socket.non_blocking(true);
        std::string in;
        while (socket.is_open()) {
            idle.insert(&socket);
            const auto [error, n_head] = co_await asio::async_read_until(
                socket, asio::dynamic_buffer(in, kHeadBytesMax), "\r\n\r\n", kNoThrow);
            idle.erase(&socket);
            if (error) co_return;
            Request request = read_head(std::string_view(in).substr(0, n_head - 2));
            in.erase(0, n_head);
            const size_t n_body = content_length(request);
            if (in.size() < n_body) {
                const size_t n_read = in.size();
                in.resize(n_body);
                const auto [failed, n] = co_await asio::async_read(
                    socket, asio::buffer(in.data() + n_read, n_body - n_read), kNoThrow);
                if (failed) co_return;
            }
            request.body = in.substr(0, n_body);
            in.erase(0, n_body);
            if (!co_await answer(socket, std::move(request))) co_return;
        }
    }

    asio::awaitable<bool> answer(tcp::socket& socket, Request request) {
        const bool is_asked = ends_with(request.path, "/chat/completions") ||
                              ends_with(request.path, "/responses") ||
                              ends_with(request.path, "/messages");
        if (request.method == "POST" && is_asked) {
            co_return co_await play(socket, std::move(request));
        }
        std::string text =
            simple_answer(404, "application/json", R"({"error":{"message":"no such path"}})");
        if (request.path == "/log") text = simple_answer(200, "application/x-ndjson", lines());
        if (request.path == "/reset" && request.method == "POST") {
            forget();
            text = simple_answer(200, "application/json", "{}");
        }
        const auto [error, n] = co_await asio::async_write(socket, asio::buffer(text), kNoThrow);
        co_return !error;
    }

    // Plays the script of one request. False: the connection is gone.
    asio::awaitable<bool> play(tcp::socket& socket, Request request) {
        read_body(request);
        const auto [epoch, id, script] = begin(std::move(request));
        std::string how = "complete";
        while (auto step = script()) {
            const error_code error = co_await perform(socket, *step, epoch, id);
            if (step->kind == Step::Kind::close) how = "closed";
            if (step->kind == Step::Kind::reset) how = "reset";
            if (error) how = "client_gone";
            if (how != "complete") break;
        }
        update(epoch, id, [&](Record& record) { record.ended = how; });
        co_return how == "complete";
    }

    struct Begun {
        uint64_t epoch;
        int64_t id;
        Script script;
    };
    Begun begin(Request request) {
        std::function<Script(const Request&)> make = script_for;
        const std::lock_guard lock(mutex);
        if (const auto found = scripts.find(request.model); found != scripts.end())
            make = found->second;
        request.id = static_cast<int64_t>(records.size()) + 1;
        records.push_back({request, 0, 0, 0, {}});
        return {n_resets, request.id, make(request)};
    }

    asio::awaitable<error_code> perform(tcp::socket& socket, const Step& step, uint64_t epoch,
                                        int64_t id) {
        switch (step.kind) {
            case Step::Kind::send: {
                const error_code error = co_await send(socket, step.bytes, epoch, id);
                if (!error) {
                    update(epoch, id, [&](Record& record) {
                        record.n_output += step.n_output;
                        record.n_reasoning += step.n_reasoning;
                    });
                }
                co_return error;
            }
            case Step::Kind::wait:
                co_return co_await wait(socket, step.delay);
            case Step::Kind::hang:
                co_return co_await wait(socket, std::chrono::hours(24));
            case Step::Kind::reset:
                socket.set_option(asio::socket_base::linger(true, 0));
                break;
            case Step::Kind::close:
                break;
        }
        socket.close();
        co_return error_code();
    }

    asio::awaitable<error_code> send(tcp::socket& socket, std::string_view bytes, uint64_t epoch,
                                     int64_t id) {
        while (!bytes.empty()) {
            error_code error;
            const size_t n = socket.write_some(asio::buffer(bytes.data(), bytes.size()), error);
            if (error && error != asio::error::would_block) co_return error;
            bytes.remove_prefix(n);
            if (n > 0)
                update(epoch, id,
                       [&](Record& record) { record.n_bytes += static_cast<int64_t>(n); });
            if (bytes.empty()) break;
            block(1);
            const auto [failed] = co_await socket.async_wait(tcp::socket::wait_write, kNoThrow);
            block(-1);
            if (failed) co_return failed;
        }
        co_return error_code();
    }

    void block(int64_t change) {
        const std::lock_guard lock(mutex);
        n_blocked += change;
    }

    // Ends early, with an error, when the client goes.
    asio::awaitable<error_code> wait(tcp::socket& socket, std::chrono::milliseconds delay) {
        asio::steady_timer timer(io, delay);
        const auto first = co_await (timer.async_wait(kNoThrow) ||
                                     socket.async_wait(tcp::socket::wait_read, kNoThrow));
        if (first.index() == 0) co_return error_code();
        char byte = 0;
        error_code error;
        socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
        if (error && error != asio::error::would_block) co_return error;
        co_await timer.async_wait(kNoThrow);  // the client has sent more: nothing to us now
        co_return error_code();
    }

    std::string lines() const {
        const std::lock_guard lock(mutex);
        std::string out;
        for (const Record& record : records) {
            out += to_json(record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                   "\n";
        }
        return out;
    }

    void forget() {
        const std::lock_guard lock(mutex);
        records.clear();
        n_connections = 0;
        ++n_resets;
    }
};

Upstream::Upstream(uint16_t port) : state_(std::make_unique<State>(port)) {
    asio::co_spawn(state_->io, state_->accept(), asio::detached);
    state_->thread = std::thread([this] { state_->io.run(); });
}

Upstream::~Upstream() {
    state_->io.stop();
    state_->thread.join();
}

uint16_t Upstream::port() const {
    return state_->acceptor.local_endpoint().port();
}

std::string Upstream::base_url() const {
    return "http://127.0.0.1:" + std::to_string(port()) + "/v1";
}

void Upstream::set_script(const std::string& model, std::function<Script(const Request&)> make) {
    const std::lock_guard lock(state_->mutex);
    state_->scripts[model] = std::move(make);
}

std::vector<Record> Upstream::log() const {
    const std::lock_guard lock(state_->mutex);
    return state_->records;
}

std::string Upstream::log_lines() const {
    return state_->lines();
}

int64_t Upstream::n_connections() const {
    const std::lock_guard lock(state_->mutex);
    return state_->n_connections;
}

bool Upstream::is_blocked() const {
    const std::lock_guard lock(state_->mutex);
    return state_->n_blocked > 0;
}

bool Upstream::wait_ended(size_t n) const {
    std::unique_lock lock(state_->mutex);
    return state_->ended.wait_for(lock, std::chrono::seconds(30), [&] {
        const auto has_ended = [](const Record& record) { return !record.ended.empty(); };
        return static_cast<size_t>(
                   std::count_if(state_->records.begin(), state_->records.end(), has_ended)) >= n;
    });
}

void Upstream::close_idle() {
    std::promise<void> closed;
    asio::post(state_->io, [&] {
        for (tcp::socket* socket : state_->idle) {
            error_code ignored;
            socket->shutdown(tcp::socket::shutdown_both, ignored);
            socket->close(ignored);
        }
        closed.set_value();
    });
    closed.get_future().wait();
}

void Upstream::reset() {
    state_->forget();
}

}  // namespace mock
