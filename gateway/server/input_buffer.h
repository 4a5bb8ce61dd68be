#pragma once
// What a connection has read and not yet taken. Unlike beast::flat_buffer it lets bytes be taken
// while a read into its free end is under way.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstring>
#include <memory>
#include <string_view>

namespace gateway {

class InputBuffer {
public:
    static constexpr size_t kBytesAtRest = 8 << 10;  // kept by an idle connection

    std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
    size_t size() const { return end_ - begin_; }
    void take(size_t n) { begin_ += n; }
    // No read may be under way. All the room behind the bytes: at least n_room. Moves the bytes.
    boost::asio::mutable_buffer prepare(size_t n_room) {
        if (begin_ == end_) begin_ = end_ = 0;
        if (capacity_ - end_ < n_room) make_room(n_room);
        return {data_.get() + end_, capacity_ - end_};
    }
    void commit(size_t n) { end_ += n; }
    // No read may be under way. Gives back what one large request had taken.
    void shrink() {
        if (capacity_ <= kBytesAtRest || size() > kBytesAtRest) return;
        move_to(kBytesAtRest);
    }

private:
    void make_room(size_t n_room) {
        size_t capacity = std::max(capacity_, kBytesAtRest);
        while (capacity - size() < n_room) capacity *= 2;
        if (capacity != capacity_) return move_to(capacity);
        std::memmove(data_.get(), data_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    void move_to(size_t capacity) {
        auto data = std::make_unique_for_overwrite<char[]>(capacity);
        if (size() > 0) std::memcpy(data.get(), data_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
        data_ = std::move(data);
        capacity_ = capacity;
    }

    std::unique_ptr<char[]> data_;
    size_t capacity_ = 0;
    size_t begin_ = 0;
    size_t end_ = 0;
};

}  // namespace gateway
