#pragma once
#include <string>

#include "billing/digest.h"

namespace billing {

// Entries that left the file, all up to one without open holds, and what stands for them.
struct CutRow {
    int64_t seq = 0;           // the last of them
    std::string standing;      // what they came to: the full anchor of that entry (anchor.h)
    int64_t last_attempt = 0;  // the highest number of an attempt of theirs
    Digest definitions{};      // of the rows that they brought, which all stay
    Digest rollups{};          // of the roll-ups that begin among them, which all stay
    std::string archive;       // the file that has them, as it was named then
};

}  // namespace billing
