#pragma once
// ENSURE(condition): a broken invariant stops the process, in every build, naming where. For bugs
// only: input from outside is never ENSUREd, it is answered.
#include <cstdio>
#include <cstdlib>

namespace config {

[[noreturn]] inline void ensure_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "weir: invariant broken: %s at %s:%d\n", condition, file, line);
    std::abort();
}

}  // namespace config

#define ENSURE(condition) \
    ((condition) ? static_cast<void>(0) : ::config::ensure_failed(#condition, __FILE__, __LINE__))
