#pragma once
#include <array>
#include <filesystem>

#include "billing/digest.h"
#include "billing/error.h"

namespace billing {

// 256 random bits that key digests are made with. They stand beside the ledger, not in it: who
// copies the ledger alone cannot test guesses at keys.
using Pepper = std::array<unsigned char, 32>;

// Errors: ledger_unavailable, with what to do, if it cannot be read, has another size, or others
// may read it. A file that is not there is no pepper: see create_pepper.
Result<Pepper> read_pepper(const std::filesystem::path& file);

// Mode 0600, on disk when it returns, never over an older one.
Result<Pepper> create_pepper(const std::filesystem::path& file);

// Recognises a pepper without revealing it.
Digest pepper_check(const Pepper& pepper);

}  // namespace billing
