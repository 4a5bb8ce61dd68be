#pragma once
// Address space that takes memory page by page, where it is written first: reserving a sequence's
// longest case costs nothing, and what was written can be given back.
#include <cstddef>
#include <cstdint>

namespace engine {

class ReservedMemory {
public:
    static constexpr int64_t kPage = 4096;

    ReservedMemory() = default;
    // Throws std::bad_alloc if the address space has no such room.
    explicit ReservedMemory(int64_t bytes);
    ~ReservedMemory();
    ReservedMemory(ReservedMemory&& other) noexcept;
    ReservedMemory& operator=(ReservedMemory&& other) noexcept;

    std::byte* data() const { return data_; }
    int64_t bytes() const { return bytes_; }

    // [begin, end) reads as zero and takes no memory until it is written again. begin: a multiple
    // of kPage.
    void give_back(int64_t begin, int64_t end);
    // Asks for 2 MiB pages wherever one fits into [begin, end) whole.
    void ask_for_huge_pages(int64_t begin, int64_t end);

private:
    std::byte* data_ = nullptr;
    int64_t bytes_ = 0;
};

}  // namespace engine
