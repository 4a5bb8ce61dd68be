#pragma once
// KV of earlier prompts, so that a prompt that begins like one of them is not computed again. Each
// owner has a tree of its own, whose nodes are blocks of tokens with the KV rows that they brought;
// a block is looked up by its owner and by every token up to its end, so no prompt ever meets
// another owner's KV, nor that of other tokens.
//
// A sequence can be taken up only where the rest of its state, the tail, was kept as well: where
// prompts ended, and where prompts were seen to part. Each leaf has a tail. The tail that was
// longest not used goes first, with the blocks that nothing else needs.
#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/model/kv_snapshot.h"
#include "engine/scheduler/decoder.h"

namespace engine {

// Confined to the scheduler thread, but resident().
class PrefixCache {
public:
    // All it holds is at most bytes_max; 0: nothing. n_block as kv_block_tokens() says.
    PrefixCache(int64_t bytes_max, int64_t n_block);
    ~PrefixCache();
    PrefixCache(const PrefixCache&) = delete;
    PrefixCache& operator=(const PrefixCache&) = delete;

    // Puts the longest kept prefix of `prompt`, never all of it, into an empty sequence.
    Decoder::Reuse restore(uint64_t owner, std::span<const int32_t> prompt, KvState& kv);
    // kv holds these tokens, a whole number of blocks. A prefix beyond bytes_max is not kept.
    void keep(uint64_t owner, std::span<const int32_t> tokens, const KvState& kv);

    // Tokens that restore() would put into a sequence now. Any thread; waits while the other puts
    // or keeps.
    int64_t resident(uint64_t owner, std::span<const int32_t> prompt) const;

    int64_t bytes() const { return bytes_; }

private:
    struct Node;
    struct Less {  // of blocks, by their tokens
        using is_transparent = void;
        bool operator()(std::span<const int32_t> a, std::span<const int32_t> b) const;
    };
    using Children = std::map<std::vector<int32_t>, std::unique_ptr<Node>, Less>;
    struct Node {
        uint64_t owner = 0;
        Node* parent = nullptr;   // null: an owner's root, which stands for no tokens
        Children::iterator at{};  // in the parent's children
        Children children{};
        std::vector<std::byte> rows{};
        bool has_tail = false;
        std::vector<std::byte> tail{};
        std::list<Node*>::iterator use{};  // in uses_, if there is a tail
    };
    // The kept blocks that tokens begin with.
    struct Path {
        Node* last = nullptr;  // the root at least; null: the owner has nothing
        int64_t n_blocks = 0;
        int64_t bytes = 0;
        Node* taken = nullptr;  // the last one with a tail, before the last token; null: none
        int64_t n_taken = 0;    // blocks up to it
    };

    std::span<const int32_t> block(std::span<const int32_t> tokens, int64_t i) const;
    Path walk(uint64_t owner, std::span<const int32_t> tokens) const;
    bool make_room(uint64_t owner, std::span<const int32_t> tokens, const KvState& kv);
    int64_t bytes_of_block(std::span<const std::byte> rows) const;
    void touch(Node& node);
    void drop_tail(Node& node);

    const int64_t bytes_max_;
    const int64_t n_block_;
    mutable std::mutex mutex_;                         // guards the trees against resident()
    std::map<uint64_t, std::unique_ptr<Node>> roots_;  // by owner
    std::list<Node*> uses_;                            // nodes with a tail, the last used first
    int64_t bytes_ = 0;
};

}  // namespace engine
