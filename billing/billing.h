#pragma once
// May this account spend; what did it spend. Admission is decided in memory under one lock, against
// balances that the ledger can rebuild; entries reach SQLite through one writer thread
// (ledger_writer.h). Invariant, at every admission: spent + reserved <= funds and credit limit, for
// the wallet that pays, and within every budget of the request. Taking funds away or lowering a
// limit refuses new work only.
//
// Threads: any, unless said. Lifetime: outlives every CommitWaiter given to it that was not called
// yet.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "billing/applied_price.h"
#include "billing/budgets.h"
#include "billing/error.h"
#include "billing/idempotency.h"
#include "billing/key_terms.h"
#include "billing/types.h"

namespace billing {

// Told when an entry is on disk. Called on the writer thread, exactly once for each accepted call:
// hand over and return.
class CommitWaiter {
public:
    virtual ~CommitWaiter() = default;
    // durable: the entry and all before it are on disk. Not durable: a RESERVE was dropped (its
    // hold is undone). SETTLE and RELEASE are kept and tried again, and are only ever told durable,
    // but for those left when a ledger is closed while its disk still refuses. The end of a request
    // whose RESERVE was dropped is durable at once: there is nothing left to write.
    virtual void on_committed(bool durable) noexcept = 0;
};

// Hashes API keys: HMAC-SHA-256 with the ledger's pepper. One per thread that authenticates.
class KeyHasher {
public:
    virtual ~KeyHasher() = default;
    virtual std::array<unsigned char, 32> digest(std::string_view key) = 0;
};

// The public ids of requests, and back. One per thread.
class RequestNames {
public:
    virtual ~RequestNames() = default;
    // "req_" and 32 hex digits.
    virtual std::string name(RequestId request) = 0;
    // What name() gave, or the number itself. Nothing: it names no request of this ledger.
    virtual std::optional<RequestId> find(std::string_view text) = 0;
};

struct Reservation {
    Caller caller;
    std::string_view route;  // copied
    NanoUsd amount;          // the worst case, >= 0
    UnixMillis now;          // stored; never below the last one's
    // The worst case at a later instant than `now`, if that is what has to be stored: another price
    // may hold there. Called under the lock of admission. Empty: it is `amount` as well.
    std::function<Result<NanoUsd>(UnixMillis at)> amount_at = {};
    // What it comes to is kept under this key, which find_earlier() has told to be free.
    std::optional<IdempotencyKey> once = {};
};

// One attempt of a request at an endpoint, as who made it saw it. `endpoint` and `model` are
// borrowed for the call.
struct AttemptRecord {
    std::string_view endpoint, model;
    const AppliedPrice* price = nullptr;  // without its mark-up, what it costs the operator
    UnixMillis started, ended;
    AttemptOutcome outcome = AttemptOutcome::complete;
    CountSource source = CountSource::counted;   // whose counts the operator's cost is of
    TokenCounts tokens;                          // as counted here
    std::optional<TokenCounts> upstream_tokens;  // as the upstream said them
    std::string upstream_request = {};           // its own id for it; empty: it told none
};

// What a request came to. Strings are copied.
struct Settlement {
    std::string_view endpoint;
    const AppliedPrice* price = nullptr;  // that of the instant of its RESERVE
    TokenCounts tokens;                   // charged
    CountSource source = CountSource::engine;
    std::optional<TokenCounts> upstream_tokens;  // the upstream's own figure, as it came
    Outcome outcome = Outcome::ok;
    uint32_t flags = flag_none;
    UnixMillis now;
    std::string_view model = {};  // as the upstream calls it; the column model of reports
    std::span<const AttemptRecord> attempts = {};  // all of the request, in their order
    std::optional<KeptAnswer> answer = {};         // of a hold that is_keyed
};

// How far a running stream has come, by our own count. Strings are copied.
struct Checkpoint {
    std::string_view endpoint, model;
    const AppliedPrice* price = nullptr;  // that of the instant of its RESERVE
    UnixMillis started;                   // the attempt
    UnixMillis now;
    CountSource source = CountSource::counted;
    TokenCounts tokens;
};

struct Refund {
    RequestId request;
    std::optional<NanoUsd> amount;  // > 0; nothing: all that is left of the charge
    std::string ref;                // 1..64 visible ASCII characters; recognises one said again
    std::string reason;             // 1..500 bytes of UTF-8 without control characters
};
struct Refunded {
    NanoUsd amount;
    NanoUsd left;        // of the charge, that may still be refunded
    bool is_new = true;  // false: this reference had done it already
};

struct KeyInfo {
    KeyId id = {};
    std::string account = {};  // its path
    std::string prefix = {};   // the first characters, for people to recognise it
    std::string last4 = {};
    bool enabled = true;
    UnixMillis created_at = {};
    KeyTerms terms = {};
    std::optional<UnixMillis> others_until = {};  // rotated: how long its older secrets hold
    std::optional<UnixMillis> last_used_at = {};  // written now and then: a crash loses a minute
};
struct KeyUse {
    KeyId key;
    UnixMillis at;
};
struct NewKey {
    KeyId id;
    std::string text;  // shown once
};

// How a key comes: when, and from which address (without the port).
struct Presence {
    UnixMillis now = {};
    std::string address = {};
};
struct Authenticated : Caller {
    std::shared_ptr<const KeyScope> scope;  // null: for everything
};

struct NewAccount {
    std::string path;  // "org/team": all but its last part are there
    Wallet wallet = Wallet::prepaid;
    NanoUsd credit_limit = {};  // postpaid
};
struct AccountView {
    AccountId id;
    std::string path;
    Wallet wallet = Wallet::prepaid;
    std::string payer;  // the path that pays for it
    NanoUsd credit_limit;
    bool is_closed = false;  // or one that it belongs to
    Balance balance;         // of its own wallet
};
struct Credited {
    NanoUsd amount;      // below zero: taken
    bool is_new = true;  // false: this reference had done it already
};

struct BudgetAsk {
    BudgetScope scope = BudgetScope::account;
    std::string subject;  // an account's path, a key's number, a route
    BudgetPeriod period = BudgetPeriod::day;
    NanoUsd limit = {};
    std::string zone = "UTC";
    std::string alerts = {};  // "50,80,100"
};
struct BudgetView {
    BudgetScope scope = BudgetScope::account;
    std::string subject;
    BudgetPeriod period = BudgetPeriod::day;
    std::string zone, alerts;
    NanoUsd limit, spent, reserved;
    std::optional<UnixMillis> resets_at;  // never: for a lifetime
};
// "daily budget of account org/team (10.00 USD)"
std::string describe(const BudgetView& budget);

struct BudgetNote {
    BudgetView budget;
    int percent = 0;  // of the limit is spent
};

// What the owner of a key may know.
struct UsageView {
    std::string account;
    AccountView wallet;               // who pays
    std::vector<BudgetView> budgets;  // that count its requests, but for those of models
};

// An anchor (anchor.h) that was written or, with an error, could not be.
struct AnchorNote {
    int64_t entry = 0;  // 0: none yet
    std::string head;   // the hash of that entry, in hex
    UnixMillis at;      // its instant
    int64_t n_open_holds = 0;
    std::string error;  // empty: it is on disk
};

struct Counters {  // since open(), and now
    int64_t n_reservations_open = 0;
    NanoUsd reserved;
    int64_t n_entries_queued = 0;
    int64_t n_commits = 0, n_commits_failed = 0;
    int64_t n_entries_committed = 0;
    bool available = true;
    AnchorNote anchor;  // the last on disk
    int64_t n_anchors_failed = 0;
};

// When usage is rolled up: looked at each `interval`; entries of a quarter hour that is over, and
// sooner if they are so many. As many go into one roll-up.
struct RollupPace {
    std::chrono::milliseconds interval{20'000};
    int64_t n_entries_max = 100'000;  // read again at each report: a fraction of a second
};

struct Options {
    std::filesystem::path path;
    int64_t n_queued_max = 65'536;
    // Called on the writer thread after each commit: for histograms. May be empty.
    std::function<void(double seconds, int64_t n_entries)> on_commit = {};
    // The longest that entries stay unanchored while the ledger is open.
    std::chrono::milliseconds anchor_interval{60'000};
    // Called on the writer thread, the last time while the ledger closes. May be empty.
    std::function<void(const AnchorNote& note)> on_anchor = {};
    // A budget's threshold was reached, once each period. Called on the thread that settled. May be
    // empty.
    std::function<void(const BudgetNote& note)> on_budget_alert = {};
    RollupPace rollup_pace = {};
    // What keeps a roll-up from being made: reports then read all entries. Called on a thread of
    // its own. May be empty.
    std::function<void(const Error& error)> on_rollup_failed = {};
};

class Billing {
public:
    // Takes <path>.lock, makes <path>.pepper (mode 0600) on first use, creates, migrates or checks
    // the schema, takes the balances of the last anchor in <path>.anchors and reads the entries
    // behind it (without anchors: all entries), ends what a crash left open, by its last
    // checkpoint or for nothing (flag_recovered), starts the writer. Errors: owned_by_other;
    // ledger_broken, for anchors too that are not of these entries; ledger_unavailable.
    static Result<std::unique_ptr<Billing>> open(const Options& options);
    virtual ~Billing() = default;  // writes what is queued, checkpoints, unlocks

    virtual std::unique_ptr<KeyHasher> make_hasher() const = 0;
    virtual std::unique_ptr<RequestNames> make_request_names() const = 0;
    // Errors: key_unknown, network_refused.
    virtual Result<Authenticated> authenticate(KeyHasher& hasher, std::string_view key,
                                               const Presence& presence) const = 0;
    Result<Authenticated> authenticate(KeyHasher& hasher, std::string_view key) const {
        return authenticate(hasher, key, {});
    }
    virtual bool has_keys() const = 0;  // any key at all, disabled ones included

    // Errors: insufficient_funds, budget_exceeded, account_closed, ledger_unavailable, ledger_busy,
    // those of amount_at; then no waiter is called.
    virtual Result<Hold> reserve(const Reservation& reservation, CommitWaiter& waiter) = 0;
    // Charges cost(tokens, price), never more than the hold, and returns it. `waiter` may be null.
    // Said again, or after the RESERVE was dropped, it charges nothing.
    virtual NanoUsd settle(const Hold& hold, const Settlement& settlement,
                           CommitWaiter* waiter) = 0;
    // By the last one that reached the disk a request is settled that a crash left open. Nobody
    // waits. Left out if the request has ended, and while the disk refuses or the queue is full:
    // another one follows.
    virtual void checkpoint(const Hold& hold, const Checkpoint& checkpoint) = 0;
    // Keeps nothing. `waiter` may be null.
    virtual void release(const Hold& hold, Outcome outcome, UnixMillis now, CommitWaiter* waiter,
                         std::span<const AttemptRecord> attempts) = 0;
    void release(const Hold& hold, Outcome outcome, UnixMillis now, CommitWaiter* waiter) {
        release(hold, outcome, now, waiter, {});
    }

    // What this account has come to under this key within a day. Nothing: the key is free. Blocks
    // on the disk, not for io threads. Errors: ledger_unavailable.
    virtual Result<std::optional<EarlierRequest>> find_earlier(AccountId account, const Digest& key,
                                                               UnixMillis now) = 0;
    // What is kept of it takes so many bytes.
    virtual int64_t n_bytes_kept(AccountId account, UnixMillis now) = 0;

    // The rest block until they are on disk: not for io threads. Errors: ledger_unavailable,
    // ledger_busy and what the name says; then nothing was changed, but a key stays disabled that
    // was to be.
    virtual Result<AccountId> create_account(const NewAccount& account) = 0;
    Result<AccountId> create_account(const std::string& path) {
        return create_account(NewAccount{path});
    }
    // Another last part of its path. What was written before keeps the old one.
    virtual Result<void> rename_account(const std::string& path, const std::string& name) = 0;
    // For good, with all below it: its keys are refused, its history stays.
    virtual Result<void> close_account(const std::string& path) = 0;
    virtual Result<void> set_credit_limit(const std::string& path, NanoUsd limit) = 0;
    // Adds to an account's funds, or takes from them what is not spent. A reference (as a refund's;
    // empty: none) does it once: said again with the same words, it changes nothing.
    virtual Result<Credited> credit(const std::string& path, NanoUsd amount,
                                    const std::string& ref) = 0;
    Result<Credited> add_credit(const std::string& path, NanoUsd amount) {
        if (amount < NanoUsd{0})
            return tl::unexpected(Error{Errc::amount_invalid, "a credit is above zero"});
        return credit(path, amount, {});
    }
    // Gives back of what the request was charged, never more than is left of it. A reference gives
    // back once: said again for the same request, it changes nothing. Errors: request_unknown,
    // refund_refused, reference_taken, amount_invalid, text_invalid.
    virtual Result<Refunded> refund(const Refund& refund) = 0;
    // The key itself, shown once: "sk-weir-" and 43 characters of base62-like text carrying 256
    // random bits.
    virtual Result<NewKey> create_key(const std::string& account, const KeyTerms& terms) = 0;
    Result<std::string> create_key(const std::string& account) {
        auto key = create_key(account, {});
        if (!key) return tl::unexpected(key.error());
        return std::move(key->text);
    }
    // Another secret; those before it hold for `overlap` more.
    virtual Result<NewKey> rotate_key(KeyId key, std::chrono::milliseconds overlap) = 0;
    virtual Result<void> expire_key(KeyId key, UnixMillis at) = 0;
    virtual Result<void> disable_key(KeyId key) = 0;
    virtual Result<void> enable_key(KeyId key) = 0;
    // Made, or its limit and alerts changed with what it has counted. Errors: account_unknown,
    // key_unknown, time_zone_unknown; budget_invalid, for another zone than it has too.
    virtual Result<void> set_budget(const BudgetAsk& budget) = 0;
    virtual Result<void> remove_budget(BudgetScope scope, const std::string& subject,
                                       BudgetPeriod period) = 0;

    virtual std::vector<KeyInfo> keys() const = 0;
    virtual Result<Balance> balance(const std::string& account) const = 0;
    virtual std::vector<AccountView> accounts() const = 0;  // parents before children
    virtual std::vector<BudgetView> budgets(UnixMillis now) const = 0;
    virtual UsageView usage(const Caller& caller, UnixMillis now) const = 0;
    virtual Counters counters() const = 0;
};

}  // namespace billing
