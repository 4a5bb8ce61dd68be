#include "billing/triage.h"

#include <unordered_map>

namespace billing {

Triage triage(std::vector<Pending> unwritten, Book& book) {
    Triage result;
    std::unordered_map<int64_t, Entry> dropped;  // RESERVE entries
    const auto answer = [&](Pending& pending, bool is_durable) {
        if (pending.waiter != nullptr) result.answers.push_back({pending.waiter, is_durable});
        pending.waiter = nullptr;
    };
    for (Pending& pending : unwritten) {
        const Entry& entry = pending.entry;
        if (entry.empty()) {
            answer(pending, pending.is_moot);
            continue;
        }
        const RequestId request{entry.get(Column::request)};
        switch (static_cast<Kind>(entry.get(Column::kind))) {
            case Kind::reserve:
                book.undo_reserve(request);
                dropped.emplace(request.n, entry);
                answer(pending, false);
                continue;
            case Kind::settle:
            case Kind::release:
                if (!dropped.contains(request.n)) break;
                book.undo_spent(dropped.at(request.n), {entry.get(Column::amount)});
                answer(pending, true);
                continue;
            case Kind::credit:
            case Kind::refund:
            case Kind::account:
            case Kind::key:
            case Kind::account_terms:
            case Kind::key_terms:
            case Kind::key_secret:
            case Kind::key_enabled:
            case Kind::budget:
            case Kind::debit:
                answer(pending, false);
                continue;
            case Kind::key_disabled:
                answer(pending, false);
                break;
            case Kind::name:
            case Kind::attribution:
            case Kind::price:
            case Kind::cut:  // never comes by the queue
                break;
        }
        result.kept.push_back(std::move(pending));
    }
    return result;
}

}  // namespace billing
