#pragma once
#include <filesystem>

namespace billing {

// "weir.db" and ".pepper" are "weir.db.pepper": a file that belongs to a ledger.
inline std::filesystem::path beside(const std::filesystem::path& ledger, const char* suffix) {
    std::filesystem::path file = ledger;
    file += suffix;
    return file;
}

}  // namespace billing
