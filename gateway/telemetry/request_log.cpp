#include "gateway/telemetry/request_log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/post.hpp>
#include <iterator>
#include <mutex>
#include <utility>

#include "gateway/telemetry/wall_clock.h"

namespace gateway {

namespace {

constexpr size_t kLineBytesMax = 8 << 10;
constexpr size_t kGatheredBytesMax = 64 << 10;

// Characters that a word without quotes may have. A table: find_first_not_of searches all of them
// for each character.
constexpr std::array<bool, 256> kWordCharacters = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789._:/+-"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_word(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return kWordCharacters[static_cast<unsigned char>(c)];
    });
}

// Text that came from outside, made safe for a line: quotes, backslashes and control bytes are
// escaped.
void append_quoted(fmt::memory_buffer& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text.substr(0, 1'024)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

// One line under construction: the same calls write JSON members or key=value words.
class Line {
public:
    Line(bool json, std::string_view level, std::string_view event) : json_(json) {
        const auto now = wall_clock_now();
        if (json_) out_.push_back('{');
        text("time", config::to_rfc3339(now));
        text("level", level);
        text("event", event);
    }
    void text(std::string_view key, std::string_view value) {
        begin(key);
        if (!json_ && is_word(value))
            out_.append(value);
        else
            append_quoted(out_, value);
    }
    void number(std::string_view key, int64_t value) {
        begin(key);
        fmt::format_to(std::back_inserter(out_), "{}", value);
    }
    void boolean(std::string_view key, bool value) {
        begin(key);
        out_.append(std::string_view(value ? "true" : "false"));
    }
    void micros(std::string_view key, std::chrono::nanoseconds value) {
        number(key, std::chrono::duration_cast<std::chrono::microseconds>(value).count());
    }
    std::string_view finish() {
        if (json_) out_.push_back('}');
        return {out_.data(), std::min(out_.size(), kLineBytesMax)};
    }

private:
    void begin(std::string_view key) {
        if (n_++ > 0) out_.push_back(json_ ? ',' : ' ');
        if (json_) out_.push_back('"');
        out_.append(key);
        out_.append(std::string_view(json_ ? "\":" : "="));
    }

    const bool json_;
    int n_ = 0;
    fmt::memory_buffer out_;
};

spdlog::level::level_enum level_of(config::Log::Level level) {
    switch (level) {
        case config::Log::Level::debug:
            return spdlog::level::debug;
        case config::Log::Level::info:
            return spdlog::level::info;
        case config::Log::Level::warning:
            return spdlog::level::warn;
        case config::Log::Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

class SinkLog final : public RequestLog {
public:
    // A synchronous sink: waking a log thread costs more than the write (gateway-performance 5).
    SinkLog(const config::Log& log, spdlog::sink_ptr sink) : logger_("weir", std::move(sink)) {
        logger_.set_pattern("%v");
        reconfigure(log);
    }
    ~SinkLog() override { write_gathered(); }

    void reconfigure(const config::Log& log) override {
        write_gathered();  // at the level at which they were told
        json_ = log.format == config::Log::Format::json;
        logger_.set_level(level_of(log.level));
    }

    void request(const RequestRecord& record, const config::Config& config,
                 boost::asio::io_context* turn) override {
        if (!logger_.should_log(spdlog::level::info)) return;
        Line line(json_, "info", "request");
        line.text("request_id", record.request_id);
        if (!record.client_request_id.empty())
            line.text("client_request_id", record.client_request_id);
        if (record.ledger_request != 0) line.number("ledger_request", record.ledger_request);
        line.text("route", record.route ? config.routes[*record.route].name : "_unknown");
        if (record.endpoint) line.text("endpoint", config.endpoints[*record.endpoint].name);
        line.number("status", record.status);
        line.text("outcome", billing::to_string(record.outcome));
        line.boolean("stream", record.stream);
        line.number("attempts", record.n_attempts);
        if (!record.reasoning.empty()) line.text("reasoning", record.reasoning);
        if (!record.reason.empty()) line.text("reason", record.reason);
        if (record.endpoint) {
            line.number("input_uncached", record.tokens.input_uncached);
            line.number("cache_read", record.tokens.cache_read);
            line.number("cache_write", record.tokens.cache_write);
            line.number("output_answer", record.tokens.output_answer);
            line.number("output_reasoning", record.tokens.output_reasoning);
            line.text("source", billing::to_string(record.source));
            line.text("usd", config::to_string(record.usd));
        }
        if (record.flags != 0) line.number("flags", record.flags);
        line.micros("parse_us", record.parse);
        line.micros("plan_us", record.plan);
        line.micros("reserve_us", record.reserve);
        line.micros("ttft_us", record.ttft);
        line.micros("settle_us", record.settle);
        line.micros("total_us", record.total);
        if (!record.detail.empty()) line.text("detail", record.detail);
        write(spdlog::level::info, line.finish(), turn);
    }

    void info(std::string_view event, std::string_view text) override {
        note(spdlog::level::info, "info", event, text);
    }
    void warn(std::string_view event, std::string_view text) override {
        note(spdlog::level::warn, "warning", event, text);
    }

private:
    void note(spdlog::level::level_enum level, std::string_view word, std::string_view event,
              std::string_view text) {
        if (!logger_.should_log(level)) return;
        Line line(json_, word, event);
        line.text("text", text);
        write(level, line.finish(), nullptr);
    }

    void write(spdlog::level::level_enum level, std::string_view line,
               boost::asio::io_context* turn) {
        const std::lock_guard lock(mutex_);
        if (!turn || gathered_.size() + line.size() > kGatheredBytesMax) {
            write_gathered_locked();
            logger_.log(level, line);
            return;
        }
        if (!gathered_.empty()) gathered_ += '\n';
        gathered_ += line;
        if (!std::exchange(posted_, true)) boost::asio::post(*turn, [this] { write_gathered(); });
    }
    void write_gathered() {
        const std::lock_guard lock(mutex_);
        posted_ = false;
        write_gathered_locked();
    }
    void write_gathered_locked() {
        if (!gathered_.empty()) logger_.info(gathered_);
        gathered_.clear();
    }

    std::mutex mutex_;
    std::string gathered_;  // lines of requests, not yet written; guarded by mutex_
    bool posted_ = false;   // a turn will write them; guarded by mutex_
    spdlog::logger logger_;
    std::atomic<bool> json_{false};
};

}  // namespace

std::unique_ptr<RequestLog> RequestLog::create(const config::Log& log) {
    return std::make_unique<SinkLog>(log, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

std::unique_ptr<RequestLog> RequestLog::create(const config::Log& log, std::ostream& out) {
    return std::make_unique<SinkLog>(log, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
}

}  // namespace gateway
