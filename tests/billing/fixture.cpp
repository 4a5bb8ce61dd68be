#include "tests/billing/fixture.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace billing::test {

TempFolder::TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-billing-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
    path_ = name;
}

TempFolder::~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

AppliedPrice price_of(const std::string& name, const config::Rates& rates) {
    AppliedPrice price;
    price.name = name;
    price.effective_from = kStart;
    price.tariff.rates = rates;
    price.text = std::make_shared<const std::string>("{of: \"a test\"}");
    return price;
}

AppliedPrice plain_price() {
    return price_of("plain", {1'000, 1'000, 1'000, 2'000, 2'000});
}

Billing& LedgerFixture::open() {
    billing_.reset();
    billing_ = must(Billing::open(options()));
    return *billing_;
}

Caller LedgerFixture::make_caller(const std::string& account, NanoUsd funds) {
    must(billing_->create_account(account));
    if (funds > NanoUsd{0}) must(billing_->add_credit(account, funds));
    const std::string key = must(billing_->create_key(account));
    return must(billing_->authenticate(*billing_->make_hasher(), key));
}

Hold LedgerFixture::reserve(const Caller& caller, NanoUsd amount, UnixMillis now,
                            std::string_view route) {
    Waiter waiter;
    const Hold hold = must(billing_->reserve({caller, route, amount, now}, waiter));
    if (!waiter.wait()) throw std::runtime_error("the reservation was dropped");
    return hold;
}

NanoUsd LedgerFixture::settle(const Hold& hold, const TokenCounts& tokens, UnixMillis now) {
    Waiter waiter;
    const AppliedPrice price = plain_price();
    const NanoUsd charged = billing_->settle(hold, settlement(price, tokens, now), &waiter);
    waiter.wait();
    return charged;
}

void LedgerFixture::tamper(const std::string& sql) {
    sqlite3* database = nullptr;
    char* error = nullptr;
    const bool ok = sqlite3_open(path().c_str(), &database) == SQLITE_OK &&
                    sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error) == SQLITE_OK;
    const std::string why = error != nullptr ? error : "";
    sqlite3_free(error);
    sqlite3_close(database);
    if (!ok) throw std::runtime_error(why + ": " + sql);
}

int64_t LedgerFixture::query(const std::string& sql) const {
    sqlite3* database = nullptr;
    sqlite3_stmt* statement = nullptr;
    const bool ok =
        sqlite3_open_v2(path().c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW;
    const int64_t value = ok ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(database);
    if (!ok) throw std::runtime_error("query: " + sql);
    return value;
}

Settlement settlement(const AppliedPrice& price, const TokenCounts& tokens, UnixMillis now) {
    Settlement result;
    result.endpoint = "endpoint-a";
    result.model = "model-a";
    result.price = &price;
    result.tokens = tokens;
    result.now = now;
    return result;
}

}  // namespace billing::test
