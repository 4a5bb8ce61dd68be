#include "billing/triage.h"

#include <unordered_set>

namespace billing {

Triage triage(std::vector<Pending> unwritten, Book& book) {
    Triage result;
    std::unordered_set<int64_t> dropped;
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
                dropped.insert(request.n);
                answer(pending, false);
                continue;
            case Kind::settle:
            case Kind::release:
                if (!dropped.contains(request.n)) break;
                book.undo_spent({entry.get(Column::account)}, {entry.get(Column::amount)});
                answer(pending, true);
                continue;
            case Kind::credit:
            case Kind::refund:
            case Kind::account:
            case Kind::key:
                answer(pending, false);
                continue;
            case Kind::key_disabled:
                answer(pending, false);
                break;
            case Kind::name:
            case Kind::attribution:
            case Kind::price:
                break;
        }
        result.kept.push_back(std::move(pending));
    }
    return result;
}

}  // namespace billing
