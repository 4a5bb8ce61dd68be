#pragma once
// What the numbers of a report's rows say. Accounts go by the path that was written with each
// request.
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "billing/report.h"
#include "billing/report_columns.h"
#include "billing/usage.h"

namespace billing {

class ReportTexts {
public:
    // All that the ledger names, read once. Errors: those of the database.
    static Result<ReportTexts> load(Database& database);

    // Does the query ask for requests of this account and attribution?
    bool is_asked_for(const ReportQuery& query, const UsageKey& key) const;
    // A number for what `column` says of a request, one for each text. Not for day and hour.
    int64_t number(const ByColumn& column, const UsageKey& key);
    // Of a number of that column; of day and hour too.
    std::string text(By column, int64_t number) const;

private:
    static constexpr int64_t kNone = -1;
    struct Owner {
        int64_t path = kNone, key_name = kNone;
        std::string labels;
        int64_t account = 0;
    };

    // By the attribution; of an entry without one, by the account.
    const Owner* owner(const UsageKey& key) const;
    int64_t label(const std::string& name, int64_t attribution);
    std::string name(int64_t id) const;
    int64_t intern(std::string_view text);

    std::vector<std::string> pool_;
    std::unordered_map<std::string, int64_t> numbers_;
    std::unordered_map<int64_t, Owner> by_account_, by_attribution_;
    std::map<std::string, std::unordered_map<int64_t, int64_t>> labels_;  // by name, attribution
    std::map<int64_t, std::string> names_;
};

}  // namespace billing
