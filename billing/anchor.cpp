#include "billing/anchor.h"

#include <charconv>
#include <limits>

namespace billing {
namespace {

constexpr std::string_view kFull = "weir-anchor 1 full";
constexpr std::string_view kMore = "weir-anchor 1 more";

// Takes a line apart from its beginning. Spelling is left to the comparison with format().
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool take(std::string_view word) {
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    // Not below 0.
    bool number(int64_t& value) {
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (error != std::errc() || value < 0) return false;
        rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
        return true;
    }
    bool hex(Digest& digest) {
        if (rest_.size() < 2 * digest.size()) return false;
        for (unsigned char& byte : digest) {
            const char* const at = rest_.data();
            if (std::from_chars(at, at + 2, byte, 16).ptr != at + 2) return false;
            rest_.remove_prefix(2);
        }
        return true;
    }
    bool is_done() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

template <class Map>
bool ascends(const Map& map, int64_t id) {
    return map.empty() ? id > 0 : id > map.rbegin()->first;
}

bool is_sound(const Balance& balance) {
    return balance.reserved.n <= std::numeric_limits<int64_t>::max() - balance.spent.n;
}

bool scan_accounts(Scanner& in, Standing& s) {
    while (!in.take(" keys")) {
        int64_t id = 0;
        Balance balance;
        const bool is_account = in.take(" ") && in.number(id) && in.take(":") &&
                                in.number(balance.funds.n) && in.take(":") &&
                                in.number(balance.reserved.n) && in.take(":") &&
                                in.number(balance.spent.n);
        if (!is_account || !ascends(s.accounts, id) || !is_sound(balance)) return false;
        s.accounts.emplace_hint(s.accounts.end(), id, balance);
    }
    return true;
}

bool scan_keys(Scanner& in, Standing& s) {
    while (!in.is_done() && !in.take(" budgets")) {
        int64_t id = 0;
        AnchoredKey key;
        const bool is_key = in.take(" ") && in.number(id) && in.take(":") &&
                            in.number(key.created_at.ms) && in.take(":");
        if (!is_key || !ascends(s.keys, id)) return false;
        key.enabled = in.take("on");
        if (!key.enabled && !in.take("off")) return false;
        s.keys.emplace_hint(s.keys.end(), id, key);
    }
    return true;
}

bool scan_budgets(Scanner& in, Standing& s) {
    while (!in.is_done()) {
        int64_t id = 0;
        BudgetUse use;
        if (!in.take(" ") || !in.number(id) || !in.take(":") || !ascends(s.budgets, id))
            return false;
        if (in.take("off")) {
            s.budgets.emplace_hint(s.budgets.end(), id, std::nullopt);
            continue;
        }
        const bool is_use = in.number(use.period) && in.take(":") && in.number(use.reserved.n) &&
                            in.take(":") && in.number(use.spent.n);
        if (!is_use) return false;
        s.budgets.emplace_hint(s.budgets.end(), id, use);
    }
    return true;
}

bool scan(Scanner& in, Anchor& anchor) {
    Standing& s = anchor.standing;
    anchor.is_full = in.take(kFull);
    if (!anchor.is_full && !in.take(kMore)) return false;
    const bool is_head = in.take(" entry ") && in.number(s.head.seq) && in.take(" head ") &&
                         in.hex(s.head.hash) && in.take(" at ") && in.number(s.at.ms) &&
                         in.take(" request ") && in.number(s.last_request.n) && in.take(" open ") &&
                         in.number(s.oldest_open.n);
    if (!is_head || s.head.seq == 0 || s.oldest_open > s.last_request) return false;
    return in.take(" accounts") && scan_accounts(in, s) && scan_keys(in, s) && scan_budgets(in, s);
}

}  // namespace

std::string format(const Anchor& anchor) {
    const Standing& s = anchor.standing;
    std::string text(anchor.is_full ? kFull : kMore);
    text += " entry " + std::to_string(s.head.seq) + " head " + to_hex(s.head.hash) + " at " +
            std::to_string(s.at.ms) + " request " + std::to_string(s.last_request.n) + " open " +
            std::to_string(s.oldest_open.n) + " accounts";
    for (const auto& [id, balance] : s.accounts) {
        text += " " + std::to_string(id);
        for (const NanoUsd amount : {balance.funds, balance.reserved, balance.spent}) {
            text += ":" + std::to_string(amount.n);
        }
    }
    text += " keys";
    for (const auto& [id, key] : s.keys) {
        text += " " + std::to_string(id) + ":" + std::to_string(key.created_at.ms) +
                (key.enabled ? ":on" : ":off");
    }
    if (!s.budgets.empty()) text += " budgets";
    for (const auto& [id, use] : s.budgets) {
        text += " " + std::to_string(id);
        if (!use) text += ":off";
        if (!use) continue;
        text += ":" + std::to_string(use->period) + ":" + std::to_string(use->reserved.n) + ":" +
                std::to_string(use->spent.n);
    }
    return text;
}

std::optional<Anchor> parse_anchor(std::string_view text) {
    Scanner in(text);
    Anchor anchor;
    if (!scan(in, anchor) || format(anchor) != text) return std::nullopt;
    return anchor;
}

void advance(Standing& standing, const Anchor& next) {
    const Standing& to = next.standing;
    if (next.is_full) {
        standing = to;
        return;
    }
    standing.head = to.head;
    standing.at = to.at;
    standing.last_request = to.last_request;
    standing.oldest_open = to.oldest_open;
    for (const auto& [id, balance] : to.accounts) standing.accounts[id] = balance;
    for (const auto& [id, key] : to.keys) standing.keys[id] = key;
    for (const auto& [id, use] : to.budgets) {
        if (use)
            standing.budgets[id] = use;
        else
            standing.budgets.erase(id);
    }
}

}  // namespace billing
