// Refunds: entries that give back of what a SETTLE charged. One at a time, so that what the file
// says about earlier ones is all there is to know.
#include <algorithm>

#include "billing/blocking_waiter.h"
#include "billing/cut.h"
#include "billing/entry_lookup.h"
#include "billing/ledger_billing.h"
#include "billing/wall_clock.h"
#include "config/yaml_text.h"

namespace billing {
namespace {

constexpr size_t kReasonBytesMax = 500;

bool is_reason(std::string_view text) {
    if (text.empty() || text.size() > kReasonBytesMax) return false;
    while (!text.empty()) {
        const size_t length = config::utf8_length(text);
        if (length == 0) return false;
        const auto first = static_cast<unsigned char>(text[0]);
        if (first < 0x20 || first == 0x7f) return false;
        text.remove_prefix(length);
    }
    return true;
}

Result<void> check_words(const Refund& refund) {
    const bool is_ref = !refund.ref.empty() && refund.ref.size() <= kRefBytesMax &&
                        std::ranges::all_of(refund.ref, [](char c) { return c > ' ' && c < 0x7f; });
    if (!is_ref)
        return refused(Errc::text_invalid, "a reference is 1 to 64 visible ASCII characters");
    if (!is_reason(refund.reason))
        return refused(Errc::text_invalid,
                       "a reason is 1 to 500 bytes of UTF-8 without control characters");
    if (refund.amount && *refund.amount <= NanoUsd{0})
        return refused(Errc::amount_invalid, "a refund is above 0");
    return {};
}

// What the file says about the request.
struct Charged {
    AccountId account;
    NanoUsd charged, refunded;
    std::vector<Entry> refunds;
    int64_t ref = 0;  // the row that has the reference; 0: none
};

Result<Charged> read_charged(const std::filesystem::path& ledger, const Refund& refund) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok) return tl::unexpected(ok.error());
    auto lookup = EntryLookup::prepare(*database);
    if (!lookup) return tl::unexpected(lookup.error());
    const auto end = lookup->ending(refund.request);
    if (!end) return tl::unexpected(end.error());
    if (!*end) {
        const auto reserve = lookup->reserve(refund.request);
        if (!reserve) return tl::unexpected(reserve.error());
        if (!*reserve) {
            const auto where = where_it_went(*database, refund.request);
            if (!where) return tl::unexpected(where.error());
            return refused(Errc::request_unknown, *where);
        }
        return refused(Errc::refund_refused, "the request has not ended yet");
    }
    if (!(*end)->is(Kind::settle))
        return refused(Errc::refund_refused, "nothing was charged for the request");
    auto refunds = lookup->refunds(refund.request);
    if (!refunds) return tl::unexpected(refunds.error());
    Charged found{{(*end)->get(Column::account)}, {(*end)->get(Column::amount)}, {}, {}, 0};
    for (const Entry& each : *refunds) found.refunded += NanoUsd{each.get(Column::amount)};
    found.refunds = std::move(*refunds);
    auto row = database->prepare("SELECT id FROM refunds WHERE ref = ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, std::string_view(refund.ref));
    const Statement::Step step = row->step();
    if (step == Statement::Step::failed) return tl::unexpected(database->error("read refunds"));
    if (step == Statement::Step::row) found.ref = row->integer(0);
    return found;
}

// The reference was used before: the answer of then, if it was for the same.
Result<Refunded> said_again(const Refund& refund, const Charged& charged) {
    for (const Entry& each : charged.refunds) {
        if (each.get(Column::subject) != charged.ref) continue;
        const NanoUsd amount{each.get(Column::amount)};
        if (refund.amount && *refund.amount != amount) {
            return refused(Errc::reference_taken,
                           "it refunded " + config::to_string(amount) + " USD of this request");
        }
        return Refunded{amount, charged.charged - charged.refunded, false};
    }
    return refused(Errc::reference_taken, "it was used for another request");
}

}  // namespace

Result<Refunded> LedgerBilling::refund(const Refund& refund) {
    if (auto ok = check_words(refund); !ok) return tl::unexpected(ok.error());
    const std::lock_guard one_at_a_time(admin_mutex_);
    const auto found = read_charged(path_, refund);
    if (!found) return tl::unexpected(found.error());
    if (found->ref != 0) return said_again(refund, *found);
    const NanoUsd left = found->charged - found->refunded;
    const NanoUsd amount = refund.amount.value_or(left);
    if (amount > left || left == NanoUsd{0}) {
        return refused(Errc::refund_refused, "the request was charged " +
                                                 config::to_string(found->charged) + " USD, of " +
                                                 "which " + config::to_string(found->refunded) +
                                                 " USD are refunded already");
    }
    BlockingWaiter waiter;
    {
        const std::lock_guard lock(desk_.mutex);
        if (auto ok = check_admits(); !ok) return tl::unexpected(ok.error());
        Entry entry(Kind::refund, desk_.book.advance(wall_clock()));
        entry.set(Column::request, refund.request.n);
        entry.set(Column::account, found->account.n);
        entry.set(Column::amount, amount.n);
        entry.set(Column::subject, desk_.book.next_refund());
        desk_.put({entry, std::make_unique<const Definition>(RefundRow{refund.ref, refund.reason}),
                   &waiter});
    }
    if (!waiter.wait())
        return refused(Errc::ledger_unavailable, "the disk refused: nothing was changed");
    const std::lock_guard lock(desk_.mutex);
    desk_.book.refund(found->account, amount);
    return Refunded{amount, left - amount, true};
}

}  // namespace billing
