#include "billing/kept_answers.h"

#include <algorithm>

namespace billing {
namespace {

constexpr int64_t kRowBytes = 160;  // what a row takes beside its answer

bool copy_digest(std::span<const unsigned char> blob, Digest& digest) {
    if (blob.size() != digest.size()) return false;
    std::ranges::copy(blob, digest.begin());
    return true;
}

}  // namespace

Result<void> KeptAnswers::count(Database& database) {
    auto rows = database.prepare(
        "SELECT account, at, coalesce(length(answer), 0) FROM answers ORDER BY request");
    if (!rows) return tl::unexpected(rows.error());
    for (;;) {
        const Statement::Step step = rows->step();
        if (step == Statement::Step::done) return {};
        if (step == Statement::Step::failed)
            return tl::unexpected(database.error("count the kept answers"));
        add({rows->integer(0)}, {rows->integer(1)}, rows->integer(2));
    }
}

Result<std::optional<EarlierRequest>> KeptAnswers::find(AccountId account, const Digest& key,
                                                        UnixMillis now) const {
    auto database = Database::open(path_, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    auto row = database->prepare(
        "SELECT request, body, media, answer FROM answers "
        "WHERE account = ? AND key = ? AND at >= ?");
    if (!row) return tl::unexpected(row.error());
    row->bind(1, account.n);
    row->bind(2, std::span<const unsigned char>(key));
    row->bind(3, now.ms - kAnswersKept.count());
    std::optional<EarlierRequest> found;
    const Statement::Step step = row->step();
    if (step == Statement::Step::done) return found;
    found.emplace();
    if (step == Statement::Step::failed || !copy_digest(row->blob(1), found->body))
        return tl::unexpected(database->error("read a kept answer"));
    found->request = {row->integer(0)};
    if (!row->is_null(3)) {
        const auto bytes = row->blob(3);
        found->answer = {std::string(row->text(2)), std::string(bytes.begin(), bytes.end())};
    }
    return found;
}

int64_t KeptAnswers::n_bytes(AccountId account, UnixMillis now) {
    const std::lock_guard lock(mutex_);
    const auto at = accounts_.find(account.n);
    if (at == accounts_.end()) return 0;
    Account& kept = at->second;
    while (!kept.items.empty() && kept.items.front().at.ms < now.ms - kAnswersKept.count()) {
        kept.n_bytes -= kept.items.front().n_bytes;
        kept.items.pop_front();
    }
    const int64_t n = kept.n_bytes;
    if (kept.items.empty()) accounts_.erase(at);
    return n;
}

void KeptAnswers::add(AccountId account, UnixMillis at, int64_t n_bytes) {
    const std::lock_guard lock(mutex_);
    Account& kept = accounts_[account.n];
    kept.items.push_back({at, n_bytes + kRowBytes});
    kept.n_bytes += n_bytes + kRowBytes;
}

}  // namespace billing
