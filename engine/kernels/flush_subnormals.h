#pragma once
// Subnormal numbers cost a hundred cycles each and mean nothing in a forward pass. While one of
// these lives, its thread reads and writes them as zero. Every thread that computes holds one, so
// that results do not depend on which thread ran an item.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engine::kernels {

class FlushSubnormals {
public:
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;
#if defined(__x86_64__)
    FlushSubnormals() : saved_(_mm_getcsr()) {
        _mm_setcsr(saved_ | 0x8040u);
    }
    ~FlushSubnormals() {
        _mm_setcsr(saved_);
    }

private:
    unsigned saved_;
#else
    FlushSubnormals() {}
#endif
};

}  // namespace engine::kernels
