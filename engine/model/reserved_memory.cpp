#include "engine/model/reserved_memory.h"

#include <sys/mman.h>

#include <new>
#include <utility>

#include "config/ensure.h"

namespace engine {
namespace {

constexpr uintptr_t kHugePage = 2 << 20;

}  // namespace

ReservedMemory::ReservedMemory(int64_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    void* data = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(data);
    // A page of 2 MiB is asked for where it will be filled: elsewhere it would be mostly waste.
    // Advice only, and a kernel without such pages refuses it.
    (void)madvise(data, static_cast<size_t>(bytes), MADV_NOHUGEPAGE);
}

ReservedMemory::~ReservedMemory() {
    if (data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
}

ReservedMemory::ReservedMemory(ReservedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

ReservedMemory& ReservedMemory::operator=(ReservedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

void ReservedMemory::give_back(int64_t begin, int64_t end) {
    if (begin >= end) return;
    ENSURE(begin % kPage == 0 && end <= bytes_);
    ENSURE(madvise(data_ + begin, static_cast<size_t>(end - begin), MADV_DONTNEED) == 0);
}

void ReservedMemory::ask_for_huge_pages(int64_t begin, int64_t end) {
    if (begin >= end) return;
    ENSURE(begin >= 0 && end <= bytes_);
    const auto base = reinterpret_cast<uintptr_t>(data_);
    const uintptr_t first =
        (base + static_cast<uintptr_t>(begin) + kHugePage - 1) & ~(kHugePage - 1);
    const uintptr_t last = (base + static_cast<uintptr_t>(end)) & ~(kHugePage - 1);
    if (first >= last) return;
    (void)madvise(data_ + (first - base), last - first, MADV_HUGEPAGE);
}

}  // namespace engine
