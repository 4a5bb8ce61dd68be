#include "engine/model/layer_weights.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace engine {
namespace {

constexpr int64_t kLargePage = 2 << 20;
constexpr int64_t kSharedBlock = 16 * kLargePage;
constexpr int64_t kCacheLine = 64;

}  // namespace

void* ConvertedStorage::allocate(int64_t bytes) {
    const int64_t size = (std::max<int64_t>(bytes, 1) + kCacheLine - 1) / kCacheLine * kCacheLine;
    bytes_ += bytes;
    if (size > kSharedBlock / 4) return new_block(size);
    if (size > n_free_) {
        free_ = static_cast<std::byte*>(new_block(kSharedBlock));
        n_free_ = kSharedBlock;
    }
    void* place = free_;
    free_ += size;
    n_free_ -= size;
    return place;
}

void* ConvertedStorage::new_block(int64_t bytes) {
    const auto size = static_cast<size_t>(bytes);
    void* block = nullptr;
    if (::posix_memalign(&block, kLargePage, size) != 0) throw std::bad_alloc();
    blocks_.emplace_back(block);
    // Only a hint: without large pages the same memory is a little slower.
    (void)::madvise(block, size, MADV_HUGEPAGE);
    return block;
}

void ConvertedStorage::Free::operator()(void* p) const {
    std::free(p);
}

}  // namespace engine
