#pragma once
// What a key may be used for, beside being of an account. Empty lists forbid nothing.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "billing/digest.h"
#include "billing/error.h"
#include "billing/network.h"
#include "billing/types.h"

namespace billing {

// The label of a key whose requests are refused where their thinking would be degraded.
inline constexpr std::string_view kStrictThinking = "thinking=strict";

struct KeyTerms {
    std::string name = {};                      // 1 to 64 of A-Z a-z 0-9 . _ -; empty: none
    std::vector<std::string> labels = {};       // "name=value", in order of names
    std::optional<UnixMillis> expires_at = {};  // refused from then on
    std::vector<std::string> routes = {}, endpoints = {};
    std::vector<std::string> networks = {};  // as Network::parse

    friend bool operator==(const KeyTerms&, const KeyTerms&) = default;
};

// Sorted and checked. Errors: text_invalid.
Result<KeyTerms> checked(KeyTerms terms);

// As the ledger has them: lists by commas.
struct KeyTermsRow {
    int64_t key = 0;
    std::string name, labels;
    int64_t expires_at = 0;  // 0: never
    std::string routes, endpoints, networks;
};
KeyTermsRow to_row(KeyId key, const KeyTerms& terms);
// Nothing, if checked(terms) is not what the row says.
std::optional<KeyTerms> to_terms(const KeyTermsRow& row);
std::string join(const std::vector<std::string>& items);

// Another secret of a key. Those before it hold until `others_until`.
struct KeySecretRow {
    int64_t key = 0;
    Digest digest{};
    std::string prefix, last4;
    int64_t others_until = 0;
};

// What the gateway asks about a key that is in use. Immutable.
class KeyScope {
public:
    explicit KeyScope(const KeyTerms& terms);
    bool allows_route(std::string_view name) const { return allows(routes_, name); }
    bool allows_endpoint(std::string_view name) const { return allows(endpoints_, name); }
    bool allows_address(const std::string& address) const;
    const std::vector<std::string>& labels() const { return labels_; }  // "name=value"
    // Thinking is as asked for, or the request is refused.
    bool is_strict_thinking() const { return is_strict_thinking_; }

private:
    static bool allows(const std::vector<std::string>& names, std::string_view name) {
        return names.empty() || std::ranges::find(names, name) != names.end();
    }
    const std::vector<std::string> labels_, routes_, endpoints_;
    std::vector<Network> networks_;
    const bool is_strict_thinking_;
};

}  // namespace billing
