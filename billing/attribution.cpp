#include "billing/attribution.h"

#include <algorithm>

namespace billing {

int64_t Attributions::current(KeyId key) const {
    const auto at = current_.find(key.n);
    return at == current_.end() ? 0 : at->second;
}

Attributions::Interned Attributions::intern(const AttributionRow& row) {
    const auto [at, is_new] = ids_.try_emplace(row, next_);
    if (is_new) ++next_;
    current_[row.key] = at->second;
    return {at->second, is_new};
}

void Attributions::load(int64_t id, const AttributionRow& row) {
    ids_.insert_or_assign(row, id);
    next_ = std::max(next_, id + 1);
}

}  // namespace billing
