#pragma once
#include "billing/billing.h"
#include "billing/file_lock.h"
#include "billing/kept_answers.h"
#include "billing/key_ring.h"
#include "billing/ledger_writer.h"
#include "billing/pepper.h"
#include "billing/rollup_builder.h"

namespace billing {

// Billing over one ledger file. Decisions are made under the desk's lock; what administration waits
// for, it waits for without it.
class LedgerBilling final : public Billing {
public:
    // Errors: those of Billing::open.
    static Result<std::unique_ptr<LedgerBilling>> open(const Options& options);

    std::unique_ptr<KeyHasher> make_hasher() const override;
    std::unique_ptr<RequestNames> make_request_names() const override;
    using Billing::authenticate;
    Result<Authenticated> authenticate(KeyHasher& hasher, std::string_view key,
                                       const Presence& presence) const override;
    bool has_keys() const override;

    Result<Hold> reserve(const Reservation& reservation, CommitWaiter& waiter) override;
    NanoUsd settle(const Hold& hold, const Settlement& settlement, CommitWaiter* waiter) override;
    void checkpoint(const Hold& hold, const Checkpoint& checkpoint) override;
    using Billing::release;
    void release(const Hold& hold, Outcome outcome, UnixMillis now, CommitWaiter* waiter,
                 std::span<const AttemptRecord> attempts) override;
    Result<std::optional<EarlierRequest>> find_earlier(AccountId account, const Digest& key,
                                                       UnixMillis now) override;
    int64_t n_bytes_kept(AccountId account, UnixMillis now) override;

    using Billing::create_account, Billing::create_key;
    Result<AccountId> create_account(const NewAccount& account) override;
    Result<void> rename_account(const std::string& path, const std::string& name) override;
    Result<void> close_account(const std::string& path) override;
    Result<void> set_credit_limit(const std::string& path, NanoUsd limit) override;
    Result<Credited> credit(const std::string& path, NanoUsd amount,
                            const std::string& ref) override;
    Result<Refunded> refund(const Refund& refund) override;
    Result<NewKey> create_key(const std::string& account, const KeyTerms& terms) override;
    Result<NewKey> rotate_key(KeyId key, std::chrono::milliseconds overlap) override;
    Result<void> expire_key(KeyId key, UnixMillis at) override;
    Result<void> disable_key(KeyId key) override;
    Result<void> enable_key(KeyId key) override;
    Result<void> set_budget(const BudgetAsk& budget) override;
    Result<void> remove_budget(BudgetScope scope, const std::string& subject,
                               BudgetPeriod period) override;

    std::vector<KeyInfo> keys() const override;
    Result<Balance> balance(const std::string& account) const override;
    std::vector<AccountView> accounts() const override;
    std::vector<BudgetView> budgets(UnixMillis now) const override;
    UsageView usage(const Caller& caller, UnixMillis now) const override;
    Counters counters() const override;

private:
    LedgerBilling(FileLock lock, const Pepper& pepper, const Options& options)
        : lock_(std::move(lock)),
          pepper_(pepper),
          path_(options.path),
          on_budget_alert_(options.on_budget_alert),
          desk_(options.n_queued_max),
          answers_(options.path) {}

    Result<ChainHead> end_left_open(LedgerFile& file, ChainHead head);
    // Queues what `decide` decides under the desk's lock and waits for the disk. Its errors, and
    // ledger_unavailable: then what it did to the book is the caller's to undo.
    Result<void> write(const std::function<Result<void>(CommitWaiter& waiter)>& decide);
    Result<void> change_account(const std::string& path,
                                const std::function<void(AccountTermsRow& terms)>& change);
    Result<NewKey> make_secret(Digest& digest, std::string& prefix, std::string& last4) const;
    Result<Credited> find_credit(const CreditRow& asked) const;
    void queue_terms(KeyId key, const KeyTerms& terms, UnixMillis at, CommitWaiter* waiter);
    void close_keys();
    bool store(Rollup rollup);  // waits for the disk
    NanoUsd settle(const Hold& hold, const Settlement& settlement, CommitWaiter* waiter,
                   std::vector<BudgetNote>& notes);
    // The callers of these hold the desk's lock.
    Result<void> check_admits() const;
    // The number of a name or price version, whose definition is queued if it is new.
    int64_t name_id(std::string_view text, UnixMillis at);
    int64_t price_id(const AppliedPrice& price, UnixMillis at);
    int64_t attribution_id(const Caller& caller, UnixMillis at);
    // How the caller is named now. What changes a name calls book.attributions().forget_current().
    AttributionRow attribution_of(const Caller& caller) const;
    void set_name(Entry& entry, Column column, std::string_view text, UnixMillis at);
    AccountView view_of(AccountId account) const;
    BudgetView view_of(const Budget& budget, UnixMillis at) const;
    Error budget_error(const Budget& budget, NanoUsd amount, UnixMillis at) const;
    Result<BudgetRow> row_of(const BudgetAsk& budget);
    Result<int64_t> subject_of(BudgetScope scope, const std::string& subject) const;
    // Queues the end of a request, with its attempts and with what is kept of its answer.
    void put_ending(Entry& ending, const Book::Ended& ended,
                    std::span<const AttemptRecord> attempts, CommitWaiter* waiter,
                    std::unique_ptr<const AnswerChange> answer);

    FileLock lock_;  // first: outlives the writer
    const Pepper pepper_;
    const std::filesystem::path path_;
    const std::function<void(const BudgetNote& note)> on_budget_alert_;
    // Held until what administration decided is on disk: taken before the desk's.
    mutable std::mutex admin_mutex_;
    mutable Desk desk_;
    Sha256 sha256_;  // under the desk's lock
    KeyRing keys_;
    KeptAnswers answers_;
    std::unique_ptr<LedgerWriter> writer_;    // closing it empties the desk
    std::unique_ptr<RollupBuilder> rollups_;  // last: waits for the writer
};

}  // namespace billing
