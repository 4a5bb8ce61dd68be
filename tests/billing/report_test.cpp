#include "billing/report.h"

#include <catch2/catch.hpp>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

constexpr int64_t kHourMs = 3'600'000;
// Later than the clock that administration reads, because instants in a ledger never go back;
// before 2038, where the rules of time zones end.
const UnixMillis kSpring = *config::parse_rfc3339("2036-03-01T00:00:00Z");

// Thirty days with an entry every 50 minutes and some, so that every kind of midnight is met.
struct Month {
    LedgerFixture ledger;
    int64_t n_requests = 0;
    int64_t n_released = 0;
    NanoUsd spent;

    Month() {
        Billing& billing = ledger.open();
        const Caller callers[] = {ledger.make_caller("alice", NanoUsd{kUsd.n * 1'000}),
                                  ledger.make_caller("bob", NanoUsd{kUsd.n * 1'000})};
        const AppliedPrice price = plain_price();
        Waiter last;
        for (int64_t ms = 0; ms < 30 * 24 * kHourMs; ms += 50 * 60'000 + 7'001) {
            const UnixMillis at{kSpring.ms + ms};
            ++n_requests;
            static Waiter unheard;
            const Hold hold = must(billing.reserve(
                {callers[n_requests % 2], n_requests % 3 == 0 ? "cheap" : "dear", kCent, at},
                unheard));
            if (n_requests % 7 == 0) {
                ++n_released;
                billing.release(hold, Outcome::rate_limit, at, nullptr);
                continue;
            }
            Settlement done = settlement(price, {n_requests, 1, 2, 3, 4}, at);
            done.endpoint = n_requests % 5 == 0 ? "endpoint-b" : "endpoint-a";
            done.outcome = n_requests % 11 == 0 ? Outcome::length : Outcome::ok;
            spent += billing.settle(hold, done, nullptr);
        }
        billing.reserve({callers[0], "dear", kCent, {kSpring.ms + 40 * 24 * kHourMs}}, last);
        last.wait();  // and all before it; this one stays open
    }

    std::vector<ReportRow> rows(const ReportQuery& query) {
        return must(report(ledger.path(), query));
    }
};

NanoUsd total(const std::vector<ReportRow>& rows) {
    NanoUsd sum;
    for (const ReportRow& row : rows) sum += row.usd;
    return sum;
}

int64_t n_requests(const std::vector<ReportRow>& rows) {
    int64_t n = 0;
    for (const ReportRow& row : rows) n += row.n_requests;
    return n;
}

}  // namespace

TEST_CASE("report: every way to cut a month adds up to the month", "[billing]") {
    Month month;
    const std::vector<ReportRow> all = month.rows({});
    REQUIRE(all.size() == 1);
    CHECK(all[0].n_requests == month.n_requests);
    CHECK(all[0].usd == month.spent);
    CHECK(all[0].tokens.cache_read == month.n_requests - month.n_released);
    CHECK(all[0].tokens.output_reasoning == 4 * (month.n_requests - month.n_released));
    CHECK(must(month.ledger.billing().balance("alice")).spent +
              must(month.ledger.billing().balance("bob")).spent ==
          month.spent);

    for (const char* zone : {"UTC", "Asia/Singapore", "Asia/Kolkata", "America/Bogota",
                             "America/New_York", "Australia/Lord_Howe"}) {
        for (const std::vector<std::string>& by :
             std::vector<std::vector<std::string>>{{"day"},
                                                   {"hour"},
                                                   {"account"},
                                                   {"key"},
                                                   {"route"},
                                                   {"endpoint"},
                                                   {"model"},
                                                   {"outcome"},
                                                   {"day", "account", "endpoint"}}) {
            ReportQuery query;
            query.time_zone = zone;
            query.by = by;
            const auto rows = month.rows(query);
            INFO(zone << " by " << by[0]);
            CHECK(total(rows) == month.spent);
            CHECK(n_requests(rows) == month.n_requests);
        }
    }
}

TEST_CASE("report: a day's row is what a query for that day gives, in every zone", "[billing]") {
    Month month;
    for (const char* zone :
         {"UTC", "Asia/Singapore", "Asia/Kolkata", "America/Bogota", "America/New_York"}) {
        ReportQuery by_day;
        by_day.time_zone = zone;
        by_day.by = {"day"};
        const auto days = month.rows(by_day);
        CHECK(days.size() >= 30);
        for (size_t i = 0; i < days.size(); ++i) {
            INFO(zone << " " << days[i].by[0]);
            ReportQuery one_day;
            one_day.from = must(parse_report_time(days[i].by[0], zone));
            if (i + 1 < days.size()) {
                CHECK(days[i].by[0] < days[i + 1].by[0]);
                one_day.to = must(parse_report_time(days[i + 1].by[0], zone));
            }
            const auto rows = month.rows(one_day);
            CHECK(rows[0].usd == days[i].usd);
            CHECK(rows[0].n_requests == days[i].n_requests);
            CHECK(rows[0].tokens == days[i].tokens);
        }
    }
}

TEST_CASE("report: columns in the query's order, rows in the columns' order", "[billing]") {
    Month month;
    ReportQuery query;
    query.by = {"outcome", "account"};
    const auto rows = month.rows(query);
    std::vector<std::vector<std::string>> by;
    for (const ReportRow& row : rows) by.push_back(row.by);
    CHECK(by == std::vector<std::vector<std::string>>{{"length", "alice"},
                                                      {"length", "bob"},
                                                      {"ok", "alice"},
                                                      {"ok", "bob"},
                                                      {"open", "alice"},
                                                      {"rate_limit", "alice"},
                                                      {"rate_limit", "bob"}});
    CHECK(rows[4].n_requests == 0);
    CHECK(rows[4].n_open == 1);
    CHECK(rows[4].held_usd == kCent);
    CHECK(rows[5].usd == NanoUsd{0});
    CHECK(rows[5].n_requests > 0);

    query.by = {"key", "model", "endpoint", "route"};
    const auto wide = month.rows(query);
    CHECK(wide[0].by ==
          std::vector<std::string>{"1", "", "", "cheap"});  // released: nobody answered
    CHECK(wide[2].by == std::vector<std::string>{"1", "model-a", "endpoint-a", "cheap"});
}

TEST_CASE("report: half open, to the millisecond", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const Hold hold = ledger.reserve(caller, kCent, kSpring);
    ledger.settle(hold, {7, 0, 0, 0, 0}, {kSpring.ms + 5'000'000});
    const auto n_between = [&](int64_t from, int64_t to) {
        ReportQuery query;
        query.from = UnixMillis{kSpring.ms + from};
        query.to = UnixMillis{kSpring.ms + to};
        return must(report(ledger.path(), query))[0].n_requests;
    };
    CHECK(n_between(0, 1) == 1);
    CHECK(n_between(-1, 0) == 0);
    CHECK(n_between(1, 10'000'000) == 0);  // it ended in there, it began before
    CHECK(n_between(0, 0) == 0);
}

TEST_CASE("report: the hour that comes twice is two hours", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    // 2036-11-02 01:30 in New York, before and after clocks are set back.
    for (const char* at : {"2036-11-02T05:30:00Z", "2036-11-02T06:30:00Z"}) {
        const UnixMillis now = *config::parse_rfc3339(at);
        ledger.settle(ledger.reserve(caller, kCent, now), {1, 0, 0, 0, 0}, now);
    }
    ReportQuery query;
    query.time_zone = "America/New_York";
    query.by = {"hour"};
    const auto rows = must(report(ledger.path(), query));
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].by[0] == "2036-11-02T01:00:00-04:00");
    CHECK(rows[1].by[0] == "2036-11-02T01:00:00-05:00");
    query.by = {"day"};
    CHECK(must(report(ledger.path(), query)).size() == 1);
    query.time_zone = "Asia/Kolkata";
    query.by = {"hour"};
    CHECK(must(report(ledger.path(), query))[0].by[0] == "2036-11-02T11:00:00+05:30");
}

TEST_CASE("report: names outlive what they name", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    ledger.settle(ledger.reserve(caller, kCent), {7, 0, 0, 0, 0});
    ReportQuery query;
    query.by = {"account", "key", "route", "endpoint"};
    const auto before = must(report(ledger.path(), query));
    must(ledger.billing().disable_key(caller.key));
    ledger.open();
    const auto after = must(report(ledger.path(), query));
    REQUIRE(after.size() == 1);
    CHECK(after[0].by == before[0].by);
    CHECK(after[0].usd == before[0].usd);
    ledger.close();  // and with nobody writing
    CHECK(must(report(ledger.path(), query))[0].usd == before[0].usd);
}

TEST_CASE("report: queries that make no sense are refused", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    ReportQuery query;
    query.by = {"colour"};
    CHECK(report(ledger.path(), query).error().code == Errc::query_invalid);
    query.by = {"day", "day"};
    CHECK(report(ledger.path(), query).error().code == Errc::query_invalid);
    query.by = {};
    query.from = UnixMillis{2};
    query.to = UnixMillis{1};
    CHECK(report(ledger.path(), query).error().code == Errc::query_invalid);
    query = {};
    query.time_zone = "Mars/Olympus";
    CHECK(report(ledger.path(), query).error().code == Errc::time_zone_unknown);
    CHECK(must(report(ledger.path(), {}))[0].n_requests == 0);
}

TEST_CASE("parse_report_time: days begin at the zone's midnight", "[billing]") {
    const auto at = [](const char* text) { return *config::parse_rfc3339(text); };
    CHECK(must(parse_report_time("2026-10-01", "UTC")) == at("2026-10-01T00:00:00Z"));
    CHECK(must(parse_report_time("2026-10-01", "Asia/Singapore")) == at("2026-09-30T16:00:00Z"));
    CHECK(must(parse_report_time("2026-10-01", "Asia/Kolkata")) == at("2026-09-30T18:30:00Z"));
    CHECK(must(parse_report_time("2026-10-01", "America/Bogota")) == at("2026-10-01T05:00:00Z"));
    CHECK(must(parse_report_time("2026-10-01T08:00:00+02:00", "Asia/Kolkata")) ==
          at("2026-10-01T06:00:00Z"));
    // Midnight that is skipped: the day begins with the change.
    CHECK(must(parse_report_time("2018-11-04", "America/Sao_Paulo")) == at("2018-11-04T03:00:00Z"));
    for (const char* text : {"", "2026-02-30", "2026-13-01", "2026-1-01", "yesterday",
                             "2026-10-01T", "2026-10-0a", "+026-10-01", "2026--1-01"}) {
        INFO(text);
        const auto refused = parse_report_time(text, "UTC");
        REQUIRE(!refused);
        CHECK(refused.error().code == Errc::query_invalid);
    }
    CHECK(parse_report_time("2026-10-01", "Nowhere").error().code == Errc::time_zone_unknown);
}

TEST_CASE("report: by a key's name and labels, as they were then", "[billing]") {
    LedgerFixture ledger;
    Billing& billing = ledger.open();
    must(billing.create_account("alice"));
    must(billing.add_credit("alice", kUsd));
    const auto hasher = billing.make_hasher();
    KeyTerms terms;
    for (const auto& [name, labels] :
         {std::pair<std::string, std::vector<std::string>>{"ci", {"env=test", "team=a"}},
          {"web", {"env=prod"}},
          {"", {}}}) {
        terms.name = name;
        terms.labels = labels;
        const NewKey key = must(billing.create_key("alice", terms));
        const Caller caller = must(billing.authenticate(*hasher, key.text));
        ledger.settle(ledger.reserve(caller, kCent, kSpring), {7, 0, 0, 0, 0}, kSpring);
    }
    const auto columns = [&](const std::string& by) {
        ReportQuery query;
        query.by = {by};
        std::vector<std::string> texts;
        for (const ReportRow& row : must(report(ledger.path(), query))) {
            CHECK(row.n_requests > 0);
            texts.push_back(row.by[0]);
        }
        return texts;
    };
    CHECK(columns("name") == std::vector<std::string>{"", "ci", "web"});
    CHECK(columns("label:env") == std::vector<std::string>{"", "prod", "test"});
    CHECK(columns("label:team") == std::vector<std::string>{"", "a"});
    CHECK(columns("label:en") == std::vector<std::string>{""});
    ReportQuery query;
    query.by = {"label:"};
    CHECK(report(ledger.path(), query).error().code == Errc::query_invalid);
    query.by = {"label:env", "label:env"};
    CHECK(report(ledger.path(), query).error().code == Errc::query_invalid);
}

TEST_CASE("report: our counts beside the upstreams', where they said theirs", "[billing]") {
    LedgerFixture ledger;
    ledger.open();
    const Caller caller = ledger.make_caller("alice", kUsd);
    const AppliedPrice price = plain_price();
    AttemptRecord silent;
    silent.endpoint = "endpoint-b";
    silent.model = "model-b";
    silent.price = &price;
    silent.started = silent.ended = kSpring;
    silent.tokens = {1'000, 0, 0, 1'000, 0};
    AttemptRecord counted = silent;
    counted.endpoint = "endpoint-a";
    counted.source = CountSource::upstream;
    counted.tokens = {90, 0, 0, 9, 0};
    counted.upstream_tokens = TokenCounts{80, 20, 0, 7, 3};
    const AttemptRecord both[] = {silent, counted};
    Settlement done = settlement(price, {80, 20, 0, 7, 3}, kSpring);
    done.attempts = both;
    Waiter told;
    ledger.billing().settle(ledger.reserve(caller, kCent, kSpring), done, &told);
    told.wait();
    const ReportRow row = must(report(ledger.path(), {})).at(0);
    CHECK(row.counted_input == 90);
    CHECK(row.upstream_input == 100);
    CHECK(row.counted_output == 9);
    CHECK(row.upstream_output == 10);
    CHECK(row.n_open == 0);
}
