#pragma once
// One row of the ledger, and the chain over the rows: hash = SHA-256(image of the row, hash of the
// row before). The image has a fixed width and holds every column, so that any change shows.
#include <array>
#include <cstdint>
#include <optional>

#include "billing/digest.h"
#include "billing/types.h"

namespace billing {

// Stored: never renumber. The two that come with every request are cheapest to store.
enum class Kind : uint8_t {
    reserve = 1,
    settle = 2,
    release = 3,
    credit = 4,
    account = 5,         // `subject` is the row of table accounts
    key = 6,             // of table keys
    key_disabled = 7,    // of table keys
    name = 8,            // of table names
    price = 9,           // of table prices
    refund = 10,         // of table refunds
    attribution = 11,    // of table attributions; RESERVE refers to one
    account_terms = 20,  // of table account_terms
    key_terms = 21,      // of table key_terms
    key_secret = 22,     // of table key_secrets
    budget = 23,         // of table budgets
    key_enabled = 24,    // of table keys
    debit = 25,          // takes from funds; this and credit may name a row of table credits
    cut = 26,            // of table cuts
};

// Columns in the order of the table. The hash stands last and is not among them.
enum class Column : uint8_t {
    seq,
    kind,
    at,
    request,
    account,
    key,
    amount,
    subject,
    route,
    endpoint,
    model,
    price,
    source,
    outcome,
    flags,
    input_uncached,
    cache_read,
    cache_write,
    output_answer,
    output_reasoning,
    upstream_input_uncached,
    upstream_cache_read,
    upstream_cache_write,
    upstream_output_answer,
    upstream_output_reasoning,
};
inline constexpr size_t kColumnCount = 25;
inline constexpr std::array<const char*, kColumnCount> kColumnNames = {
    "seq",
    "kind",
    "at",
    "request",
    "account",
    "key",
    "amount",
    "subject",
    "route",
    "endpoint",
    "model",
    "price",
    "source",
    "outcome",
    "flags",
    "input_uncached",
    "cache_read",
    "cache_write",
    "output_answer",
    "output_reasoning",
    "upstream_input_uncached",
    "upstream_cache_read",
    "upstream_cache_write",
    "upstream_output_answer",
    "upstream_output_reasoning",
};

// Integers, each there or NULL.
class Entry {
public:
    Entry() = default;
    Entry(Kind kind, UnixMillis at) {
        set(Column::kind, static_cast<int64_t>(kind));
        set(Column::at, at.ms);
    }

    void set(Column column, int64_t value) {
        values_[index(column)] = value;
        present_ |= 1u << index(column);
    }
    bool has(Column column) const { return (present_ >> index(column) & 1u) != 0; }
    int64_t get(Column column) const { return values_[index(column)]; }  // 0 for NULL
    bool is(Kind kind) const { return get(Column::kind) == static_cast<int64_t>(kind); }
    bool empty() const { return present_ == 0; }

    // Five columns from `first` on.
    void set_tokens(Column first, const TokenCounts& tokens);
    TokenCounts tokens(Column first) const;

    uint32_t present() const { return present_; }
    const std::array<int64_t, kColumnCount>& values() const { return values_; }

private:
    static constexpr size_t index(Column column) { return static_cast<size_t>(column); }

    std::array<int64_t, kColumnCount> values_{};
    uint32_t present_ = 0;
};

struct ChainHead {
    int64_t seq = 0;
    Digest hash{};
    friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

// `content` is the digest of the row in another table that the entry brings into being; zeros if
// none.
Digest chain_hash(Sha256& sha256, const Entry& entry, const Digest& content,
                  const Digest& previous);

}  // namespace billing
