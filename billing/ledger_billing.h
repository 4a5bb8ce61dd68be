#pragma once
#include "billing/billing.h"
#include "billing/file_lock.h"
#include "billing/key_ring.h"
#include "billing/ledger_writer.h"
#include "billing/pepper.h"

namespace billing {

// Billing over one ledger file. Decisions are made under the desk's lock; what administration waits
// for, it waits for without it.
class LedgerBilling final : public Billing {
public:
    // Errors: those of Billing::open.
    static Result<std::unique_ptr<LedgerBilling>> open(const Options& options);

    std::unique_ptr<KeyHasher> make_hasher() const override;
    std::unique_ptr<RequestNames> make_request_names() const override;
    Result<Caller> authenticate(KeyHasher& hasher, std::string_view key) const override;
    bool has_keys() const override;

    Result<Hold> reserve(const Reservation& reservation, CommitWaiter& waiter) override;
    NanoUsd settle(const Hold& hold, const Settlement& settlement, CommitWaiter* waiter) override;
    void checkpoint(const Hold& hold, const Checkpoint& checkpoint) override;
    using Billing::release;
    void release(const Hold& hold, Outcome outcome, UnixMillis now, CommitWaiter* waiter,
                 std::span<const AttemptRecord> attempts) override;

    Result<AccountId> create_account(const std::string& name) override;
    Result<void> add_credit(const std::string& account, NanoUsd amount) override;
    Result<Refunded> refund(const Refund& refund) override;
    Result<std::string> create_key(const std::string& account) override;
    Result<void> disable_key(KeyId key) override;
    std::vector<KeyInfo> keys() const override;
    Result<Balance> balance(const std::string& account) const override;
    std::vector<std::string> accounts() const override;
    Counters counters() const override;

private:
    LedgerBilling(FileLock lock, const Pepper& pepper, const Options& options)
        : lock_(std::move(lock)),
          pepper_(pepper),
          path_(options.path),
          desk_(options.n_queued_max) {}

    Result<ChainHead> end_left_open(LedgerFile& file, ChainHead head);
    // The callers of these hold the desk's lock.
    Result<void> check_admits() const;
    // The number of a name or price version, whose definition is queued if it is new.
    int64_t name_id(std::string_view text, UnixMillis at);
    int64_t price_id(const AppliedPrice& price, UnixMillis at);
    int64_t attribution_id(const Caller& caller, UnixMillis at);
    // How the caller is named now. What changes a name calls book.attributions().forget_current().
    AttributionRow attribution_of(const Caller& caller) const;
    void set_name(Entry& entry, Column column, std::string_view text, UnixMillis at);
    // Queues the end of a request, with its attempts.
    void put_ending(Entry& ending, const Book::Ended& ended,
                    std::span<const AttemptRecord> attempts, CommitWaiter* waiter);

    FileLock lock_;  // first: outlives the writer
    const Pepper pepper_;
    const std::filesystem::path path_;
    std::mutex refund_mutex_;  // held until a refund is on disk: taken before the desk's
    mutable Desk desk_;
    Sha256 sha256_;  // under the desk's lock
    KeyRing keys_;
    std::unique_ptr<LedgerWriter> writer_;  // last: closing it empties the desk
};

}  // namespace billing
