#include "gateway/telemetry/request_log.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace gateway;

namespace {

config::Config one_route() {
    config::Config config;
    config.endpoints.resize(1);
    config.endpoints[0].name = "local-v4";
    config.routes.resize(1);
    config.routes[0].name = "deepseek-v4";
    return config;
}

RequestRecord full_record() {
    RequestRecord record;
    record.request_id = "req_0123";
    record.client_request_id = "theirs-1";
    record.ledger_request = 42;
    record.route = 0;
    record.endpoint = 0;
    record.status = 200;
    record.outcome = billing::Outcome::ok;
    record.reasoning = "high; requested=max; reason=context";
    record.reason = "cheapest; down=a";
    record.n_attempts = 1;
    record.tokens = {10, 0, 0, 5, 2};
    record.usd = {123'000};
    record.detail = "line one\nline two \"quoted\" \x1b[31m back\\slash";
    record.total = std::chrono::milliseconds(12);
    return record;
}

}  // namespace

TEST_CASE("request log: one JSON object a line, hostile text escaped", "[log]") {
    std::ostringstream out;
    const auto log = RequestLog::create({config::Log::Format::json, config::Log::Level::info}, out);
    log->request(full_record(), one_route(), nullptr);
    log->warn("reload_refused", "weir.yaml:1:1: \"x\"\r\nforged=line");
    std::istringstream lines(out.str());
    std::string line;
    REQUIRE(std::getline(lines, line));
    const auto request = nlohmann::json::parse(line);
    CHECK(request["request_id"] == "req_0123");
    CHECK(request["route"] == "deepseek-v4");
    CHECK(request["endpoint"] == "local-v4");
    CHECK(request["output_reasoning"] == 2);
    CHECK(request["reason"] == "cheapest; down=a");
    CHECK(request["usd"] == "0.000123");
    CHECK(request["total_us"] == 12'000);
    CHECK(request["detail"] == full_record().detail);
    REQUIRE(std::getline(lines, line));
    CHECK(nlohmann::json::parse(line)["text"] == "weir.yaml:1:1: \"x\"\r\nforged=line");
    CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("request log: text is one line of key=value words", "[log]") {
    std::ostringstream out;
    const auto log = RequestLog::create({config::Log::Format::text, config::Log::Level::info}, out);
    log->request(full_record(), one_route(), nullptr);
    const std::string text = out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(text.find("outcome=ok") != text.npos);
    CHECK(text.find("usd=0.000123") != text.npos);
    CHECK(text.find("reasoning=\"high; requested=max; reason=context\"") != text.npos);
    CHECK(text.find('\x1b') == text.npos);
}

TEST_CASE("request log: the level of the config decides, and a reload changes it", "[log]") {
    std::ostringstream out;
    const auto log =
        RequestLog::create({config::Log::Format::text, config::Log::Level::warning}, out);
    log->request(full_record(), one_route(), nullptr);
    log->info("reloaded", "abc");
    CHECK(out.str().empty());
    log->reconfigure({config::Log::Format::json, config::Log::Level::info});
    log->info("reloaded", "abc");
    CHECK(nlohmann::json::parse(out.str())["event"] == "reloaded");
}

TEST_CASE("request log: the lines of a turn are written together, in order", "[log]") {
    std::ostringstream out;
    auto log = RequestLog::create({config::Log::Format::text, config::Log::Level::info}, out);
    boost::asio::io_context io;
    log->request(full_record(), one_route(), &io);
    log->request(full_record(), one_route(), &io);
    CHECK(out.str().empty());
    SECTION("by the turn") {
        CHECK(io.run() == 1);
    }
    SECTION("by whatever is told next") {
        log->info("reloaded", "abc");
        CHECK(out.str().find("reloaded") > out.str().rfind("request_id"));
    }
    SECTION("by the end of the log") {
        log.reset();
    }
    const std::string text = out.str();
    size_t n_requests = 0;
    for (size_t at = 0; (at = text.find("event=request", at)) != text.npos; ++at) ++n_requests;
    CHECK(n_requests == 2);
    CHECK(text.back() == '\n');
}

TEST_CASE("request log: a long turn is written in pieces of 64 KiB", "[log]") {
    std::ostringstream out;
    const auto log = RequestLog::create({config::Log::Format::text, config::Log::Level::info}, out);
    boost::asio::io_context io;
    size_t n_told = 0;
    while (out.str().empty()) {
        log->request(full_record(), one_route(), &io);
        REQUIRE(++n_told < 1'000);
    }
    const std::string text = out.str();
    CHECK(text.size() > 32 << 10);
    CHECK(text.size() <= (64 << 10) + (8 << 10));
    CHECK(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) == n_told);
}
