#pragma once
// What entries refer to by number: accounts, keys, names of routes, endpoints and models, price
// versions, the words of refunds. Each is a row of its own table, written once, together with an
// entry whose hash covers it.
#include <array>
#include <optional>
#include <string>
#include <variant>

#include "billing/applied_price.h"
#include "billing/attempts.h"
#include "billing/attribution.h"
#include "billing/budgets.h"
#include "billing/cut_row.h"
#include "billing/entry.h"
#include "billing/key_terms.h"
#include "billing/price_row.h"
#include "billing/sqlite.h"

namespace billing {

struct KeyRow {
    int64_t account = 0;
    Digest digest{};  // HMAC-SHA-256 of the key with the pepper
    std::string prefix, last4;
};

struct NameRow {
    std::string text;
};

struct RefundRow {
    std::string ref;  // whose: the operator's own; no two refunds have the same
    std::string reason;
};

// What a reference of the operator's did to an account's funds. No two have the same.
struct CreditRow {
    std::string ref;
    int64_t account = 0;
    NanoUsd amount;  // below zero: taken
};

// The place in this list is hashed: only add at its end.
using Definition =
    std::variant<AccountRow, KeyRow, NameRow, PriceRow, RefundRow, Attempts, AttributionRow,
                 AccountTermsRow, KeyTermsRow, KeySecretRow, BudgetRow, CreditRow, CutRow>;

// Covers the number and every column.
Digest content_digest(Sha256& sha256, int64_t id, const Definition& definition);

// "accounts", "keys", ...; nullptr for kinds that never define anything.
const char* table_of(Kind kind);
// One kind for each of those tables but attempts.
inline constexpr std::array kDefiningKinds = {Kind::account,   Kind::account_terms, Kind::key,
                                              Kind::key_terms, Kind::key_secret,    Kind::budget,
                                              Kind::credit,    Kind::name,          Kind::price,
                                              Kind::refund,    Kind::attribution,   Kind::cut};
// Where the row is that the entry brings into being, by its column subject; nullptr: it brings
// none.
const char* table_of(const Entry& entry);

// Statements over those tables, prepared once.
class DefinitionTables {
public:
    static Result<DefinitionTables> prepare(Database& database);

    bool insert(int64_t id, const Definition& definition);
    // Nothing, if there is no such row. `kind` is that of an entry that defines.
    std::optional<Definition> find(Kind kind, int64_t id);

private:
    struct Table {
        Statement insert, find;
    };
    std::array<Table, std::variant_size_v<Definition>> tables_;  // by the place in Definition
    AttemptTable attempts_;
};

}  // namespace billing
