#include "engine/model/layer_weights.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace engine {
namespace {

constexpr int64_t kLargePage = 2 << 20;
constexpr size_t kCacheLine = 64;

}  // namespace

void* ConvertedStorage::allocate(int64_t bytes) {
    const auto size = static_cast<size_t>(bytes > 0 ? bytes : 1);
    const bool large = bytes >= kLargePage;
    void* block = nullptr;
    if (::posix_memalign(&block, large ? kLargePage : kCacheLine, size) != 0)
        throw std::bad_alloc();
    blocks_.emplace_back(block);
    bytes_ += bytes;
    // Only a hint: without large pages the same memory is a little slower.
    if (large) (void)::madvise(block, size, MADV_HUGEPAGE);
    return block;
}

void ConvertedStorage::Free::operator()(void* p) const {
    std::free(p);
}

}  // namespace engine
