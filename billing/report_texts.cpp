#include "billing/report_texts.h"

#include <algorithm>

#include "billing/report_time.h"
#include "billing/sqlite.h"

namespace billing {
namespace {

// Of "a=1,b=2" what the name says; empty, if nothing.
std::string_view label_of(std::string_view labels, std::string_view name) {
    while (!labels.empty()) {
        const std::string_view label = labels.substr(0, labels.find(','));
        if (label.size() > name.size() && label.starts_with(name) && label[name.size()] == '=')
            return label.substr(name.size() + 1);
        labels.remove_prefix(std::min(labels.size(), label.size() + 1));
    }
    return {};
}

}  // namespace

Result<ReportTexts> ReportTexts::load(Database& database) {
    ReportTexts texts;
    auto accounts = database.prepare("SELECT id, name FROM accounts");
    if (!accounts) return tl::unexpected(accounts.error());
    Statement::Step step;
    while ((step = accounts->step()) == Statement::Step::row) {
        texts.by_account_[accounts->integer(0)] = {
            texts.intern(accounts->text(1)), kNone, {}, accounts->integer(0)};
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read accounts"));
    auto names = database.prepare("SELECT id, text FROM names");
    if (!names) return tl::unexpected(names.error());
    while ((step = names->step()) == Statement::Step::row)
        texts.names_.emplace(names->integer(0), names->text(1));
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read names"));
    auto rows = database.prepare("SELECT id, path, label, labels, account FROM attributions");
    if (!rows) return tl::unexpected(rows.error());
    while ((step = rows->step()) == Statement::Step::row) {
        texts.by_attribution_[rows->integer(0)] = {texts.intern(rows->text(1)),
                                                   texts.intern(rows->text(2)),
                                                   std::string(rows->text(3)), rows->integer(4)};
    }
    if (step == Statement::Step::failed) return tl::unexpected(database.error("read attributions"));
    return texts;
}

const ReportTexts::Owner* ReportTexts::owner(const UsageKey& key) const {
    const auto& owners = key.attribution != 0 ? by_attribution_ : by_account_;
    const auto at = owners.find(key.attribution != 0 ? key.attribution : key.account);
    return at == owners.end() ? nullptr : &at->second;
}

bool ReportTexts::is_asked_for(const ReportQuery& query, const UsageKey& key) const {
    if (query.account.empty() && query.accounts.empty()) return true;
    const Owner* const found = owner(key);
    if (found == nullptr) return false;
    if (!query.accounts.empty() && !query.accounts.contains(found->account)) return false;
    const std::string& path = pool_[static_cast<size_t>(found->path)];
    const size_t n = query.account.size();
    return n == 0 || (path.starts_with(query.account) && (path.size() == n || path[n] == '/'));
}

int64_t ReportTexts::number(const ByColumn& column, const UsageKey& key) {
    switch (column.by) {
        case By::account: {
            const Owner* const found = owner(key);
            return found == nullptr ? kNone : found->path;
        }
        case By::name: {
            const auto at = by_attribution_.find(key.attribution);
            return at == by_attribution_.end() ? kNone : at->second.key_name;
        }
        case By::label:
            return label(column.label, key.attribution);
        case By::key:
            return key.key;
        case By::route:
            return key.route;
        case By::endpoint:
            return key.endpoint;
        case By::model:
            return key.model;
        case By::outcome:
            return key.outcome;
        case By::day:
        case By::hour:
            break;
    }
    return 0;
}

std::string ReportTexts::text(By column, int64_t number) const {
    switch (column) {
        case By::account:
        case By::name:
        case By::label:
            return number < 0 ? "" : pool_[static_cast<size_t>(number)];
        case By::route:
        case By::endpoint:
        case By::model:
            return number == 0 ? "" : name(number);
        case By::key:
            return std::to_string(number);
        case By::outcome:
            return number == kOutcomeOpen ? "open"
                                          : std::string(to_string(static_cast<Outcome>(number)));
        case By::day:
            return Zone::day_text(number);
        case By::hour:
            return Zone::hour_text(number);
    }
    return {};
}

int64_t ReportTexts::label(const std::string& name, int64_t attribution) {
    const auto [known, is_new] = labels_[name].try_emplace(attribution, kNone);
    if (!is_new) return known->second;
    const auto at = by_attribution_.find(attribution);
    if (at != by_attribution_.end()) known->second = intern(label_of(at->second.labels, name));
    return known->second;
}

std::string ReportTexts::name(int64_t id) const {
    const auto at = names_.find(id);
    return at == names_.end() ? std::to_string(id) : at->second;
}

int64_t ReportTexts::intern(std::string_view text) {
    const auto [at, is_new] =
        numbers_.try_emplace(std::string(text), static_cast<int64_t>(pool_.size()));
    if (is_new) pool_.emplace_back(text);
    return at->second;
}

}  // namespace billing
