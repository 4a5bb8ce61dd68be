#pragma once
// A ledger as the first version of the program wrote it: its schema, rows and hashes are spelled
// out here and do not follow what billing/ says today.
#include <cstdint>
#include <filesystem>
#include <string>

namespace billing::test {

struct Version1 {
    int64_t n_entries = 0;
    std::string head;   // the last hash, in hex
    int64_t spent = 0;  // by account "alice" of 9 USD, whose last hold is open
};

// Writes `ledger` with `n_requests` >= 1 requests, and its pepper beside it.
Version1 make_version_1(const std::filesystem::path& ledger, int64_t n_requests);

}  // namespace billing::test
