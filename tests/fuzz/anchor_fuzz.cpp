// A line of <ledger>.anchors that anybody wrote: what is taken is written again as the same text,
// and what an account has left can be computed.
#include <cstdint>
#include <string_view>

#include "billing/anchor.h"
#include "config/ensure.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto anchor = billing::parse_anchor(text);
    if (!anchor) return 0;
    ENSURE(billing::format(*anchor) == text);
    ENSURE(anchor->standing.head.seq > 0);
    for (const auto& [id, balance] : anchor->standing.accounts) {
        ENSURE(id > 0 && balance.reserved.n >= 0 && balance.spent.n >= 0);
        ENSURE(balance.available() <= balance.funds);
    }
    return 0;
}
