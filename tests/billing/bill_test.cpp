// Bills: CSV as vendors write it, amounts to the last digit.
#include "billing/bill.h"

#include <catch2/catch.hpp>

#include "billing/csv.h"
#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;

namespace {

std::string refusal(std::string_view text, const BillReading& reading = {}) {
    const auto bill = read_bill(text, reading);
    return bill ? "read" : bill.error().detail;
}

Atto figure(const BillLine& line, BillColumn column) {
    return line.figures[figure_index(column)];
}

NanoUsd money(const BillLine& line) {
    return to_nano(figure(line, BillColumn::usd)).value();
}

}  // namespace

TEST_CASE("csv: quotes, line ends, blank lines and a byte order mark", "[billing]") {
    CsvReader csv(
        "\xEF\xBB\xBF"
        "a,\"b \"\"c\"\", d\"\r\n\r\n,\n\"two\nlines\",x\nlast,");
    const auto row = [&] { return must(csv.next()); };
    CHECK(row()->cells == std::vector<std::string>{"a", "b \"c\", d"});
    const auto empty = row();
    CHECK(empty->cells == std::vector<std::string>{"", ""});
    CHECK(empty->line == 3);
    CHECK(row()->cells == std::vector<std::string>{"two\nlines", "x"});
    const auto last = row();
    CHECK(last->cells == std::vector<std::string>{"last", ""});
    CHECK(last->line == 6);
    CHECK_FALSE(row());
    CHECK_FALSE(CsvReader("\"open").next());
    CHECK_FALSE(CsvReader("\"a\"b,c").next());
    CHECK(must(CsvReader("a\tb").next())->cells.size() == 2);
}

TEST_CASE("decimal: exact, and one rounding half to even", "[billing]") {
    CHECK(parse_atto("0.8958740000000000") == Atto{895'874'000'000'000'000});
    CHECK(parse_atto("2.5e-08") == Atto{25'000'000'000});
    CHECK(parse_atto("-1") == -Atto{1'000'000'000'000'000'000});
    CHECK(parse_atto(".5") == parse_atto("0.5"));
    for (const char* wrong : {"", "-", ".", "1.2.3", "1e", "1e99", "0x1", " 1", "1,5", "nan",
                              "0.0000000000000000001", "1000000000001000000"})
        CHECK_FALSE(parse_atto(wrong));
    CHECK(to_nano(parse_atto("0.0000000005").value()) == NanoUsd{0});
    CHECK(to_nano(parse_atto("0.0000000015").value()) == NanoUsd{2});
    CHECK(to_nano(parse_atto("0.00000000050000001").value()) == NanoUsd{1});
    CHECK(to_nano(parse_atto("-0.0000000015").value()) == NanoUsd{-2});
    CHECK_FALSE(to_nano(parse_atto("99999999999").value()));
}

TEST_CASE("bill: a vendor's file is known by its first line", "[billing]") {
    const Bill openai = must(read_bill(
        "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,"
        "input_tokens,output_tokens,input_cached_tokens\n"
        "1759622400,1759708800,2025-10-05T00:00:00+00:00,2025-10-06T00:00:00+00:00,p,3,gpt-5.5,"
        "1000,20,400\n",
        {}));
    CHECK(openai.profile == "openai-usage");
    CHECK(openai.lines[0].day == 20'366);
    CHECK(figure(openai.lines[0], BillColumn::input) == 1'000);
    CHECK_FALSE(openai.states.contains(BillColumn::usd));

    const Bill deepseek = must(
        read_bill("\xEF\xBB\xBFuser_id,utc_date,model,api_key_name,api_key,type,price,amount\r\n"
                  "u,20260725,deepseek-v4-pro,\"Team, "
                  "Primary\",sk-x,input_cache_hit_tokens,0.000000025,1000\r\n"
                  "u,2026-07-25,deepseek-v4-pro,k,sk-x,output_tokens,0.000006,1890\r\n"
                  "u,2026-07-25,deepseek-v4-pro,k,sk-x,request_count,,2\r\n"
                  "u,2026-07-25,deepseek-v4-pro,k,sk-x,something_new,1,1\r\n",
                  {.profile = "", .columns = {}, .models = {}, .usd_per_unit = 140'000'000}));
    CHECK(deepseek.profile == "deepseek-amount");
    REQUIRE(deepseek.lines.size() == 3);
    CHECK(deepseek.lines[0].day == deepseek.lines[1].day);
    CHECK(figure(deepseek.lines[0], BillColumn::cache_read) == 1'000);
    CHECK(money(deepseek.lines[0]) == NanoUsd{3'500});
    CHECK(money(deepseek.lines[1]) == NanoUsd{1'587'600});
    CHECK(figure(deepseek.lines[2], BillColumn::requests) == 2);

    const Bill anthropic = must(read_bill(
        "usage_date_utc,model_version,api_key,workspace,usage_type,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,"
        "usage_input_tokens_cache_read,usage_output_tokens,web_search_count\n"
        "2025-06-12,claude,k,w,standard,8,5,6,7,1,0\n",
        {}));
    CHECK(anthropic.profile == "anthropic-usage");
    CHECK(figure(anthropic.lines[0], BillColumn::cache_write) == 11);
}

TEST_CASE("bill: days are those of the bill's own clock", "[billing]") {
    const Bill bill =
        must(read_bill("time,model,requests\n"
                       "2026-08-02T00:00:00+08:00,m,1\n"
                       "2026-08-02T23:59:59+08:00,m,1\n",
                       {}));
    CHECK(bill.offset_s == 8 * 3'600);
    CHECK(bill.lines[0].day == 20'667);
    CHECK(bill.lines[1].day == 20'667);
}

TEST_CASE("bill: what is wrong is named with its line", "[billing]") {
    const BillReading generic;
    CHECK(refusal("") == "the bill: the file is empty");
    CHECK(refusal("time,model,usd\n") == "the bill: no line below the header");
    CHECK_THAT(refusal("Day,Model,Cost\n1,2,3\n"),
               Catch::Contains("Day, Model, Cost") && Catch::Contains("--column"));
    CHECK_THAT(refusal("time,model,requests\n2026-13-01,m,1\n"), Catch::Contains("line 2, time"));
    CHECK_THAT(refusal("time,model,requests\n2026-10-01,m,1.5\n"),
               Catch::Contains("line 2, requests"));
    CHECK_THAT(refusal("time,model,requests\n2026-10-01,m\n"), Catch::Contains("fewer cells"));
    CHECK_THAT(refusal("time,model,usd,currency\n2026-10-01,m,1,CNY\n"),
               Catch::Contains("--usd-per-unit"));
    CHECK_THAT(refusal("time,model,usd\n2026-10-01,m,1\n2026-10-01T00:00:00+01:00,m,1\n"),
               Catch::Contains("line 3") && Catch::Contains("offset"));
    BillReading named;
    named.profile = "acme";
    CHECK_THAT(refusal("time,model,usd\n2026-10-01,m,1\n", named), Catch::Contains("openai-usage"));
    BillReading own;
    own.columns = {{"time", "Day"}, {"model", "Model"}, {"usd", "Cost"}};
    CHECK(must(read_bill("Day,Model,Cost\n2026-10-01,m,2.5\n", own)).lines[0].model == "m");
    own.columns = {{"colour", "Day"}};
    CHECK_THAT(refusal("Day,Model,Cost\n", own), Catch::Contains("request_id"));
}
