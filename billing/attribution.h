#pragma once
// Who a request was of, as it was named then: RESERVE entries refer to such a row, so that what is
// renamed or taken away later changes nothing of their history.
#include <map>
#include <string>
#include <unordered_map>

#include "billing/types.h"

namespace billing {

struct AttributionRow {
    int64_t account = 0, key = 0;
    std::string path;    // of the account, from the root of the tree
    std::string label;   // of the key; empty: none
    std::string last4;   // of the key
    std::string labels;  // "name=value" of the account and the key, by commas, in order of names
    friend auto operator<=>(const AttributionRow&, const AttributionRow&) = default;
};

// Which row new entries of a key refer to. Plain memory: part of Book.
class Attributions {
public:
    struct Interned {
        int64_t id;
        bool is_new;  // then its definition must be queued first
    };
    // 0: to be asked again, by intern().
    int64_t current(KeyId key) const;
    // `row` says how the caller is named now; it is that of row.key from now on.
    Interned intern(const AttributionRow& row);
    // Something was renamed: how callers are named is asked again.
    void forget_current() { current_.clear(); }

    void load(int64_t id, const AttributionRow& row);

private:
    std::unordered_map<int64_t, int64_t> current_;  // by key
    std::map<AttributionRow, int64_t> ids_;
    int64_t next_ = 1;
};

}  // namespace billing
