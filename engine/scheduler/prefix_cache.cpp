#include "engine/scheduler/prefix_cache.h"

#include <algorithm>

#include "config/ensure.h"

namespace engine {
namespace {

int64_t size_of(std::span<const std::byte> bytes) {
    return static_cast<int64_t>(bytes.size());
}

}  // namespace

bool PrefixCache::Less::operator()(std::span<const int32_t> a, std::span<const int32_t> b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

PrefixCache::PrefixCache(int64_t bytes_max, int64_t n_block)
    : bytes_max_(bytes_max), n_block_(n_block) {
    ENSURE(bytes_max >= 0 && n_block >= 1);
}

// Leaf by leaf: a tree is as deep as its longest prompt.
PrefixCache::~PrefixCache() {
    while (!uses_.empty()) drop_tail(*uses_.back());
}

std::span<const int32_t> PrefixCache::block(std::span<const int32_t> tokens, int64_t i) const {
    return tokens.subspan(static_cast<size_t>(i * n_block_), static_cast<size_t>(n_block_));
}

// With its tokens and its place in the tree.
int64_t PrefixCache::bytes_of_block(std::span<const std::byte> rows) const {
    return size_of(rows) + n_block_ * static_cast<int64_t>(sizeof(int32_t)) +
           static_cast<int64_t>(sizeof(Node));
}

PrefixCache::Path PrefixCache::walk(uint64_t owner, std::span<const int32_t> tokens) const {
    Path path;
    const auto root = roots_.find(owner);
    if (root == roots_.end()) return path;
    path.last = root->second.get();
    const auto n = static_cast<int64_t>(tokens.size());
    while ((path.n_blocks + 1) * n_block_ <= n) {
        const auto next = path.last->children.find(block(tokens, path.n_blocks));
        if (next == path.last->children.end()) break;
        path.last = next->second.get();
        ++path.n_blocks;
        path.bytes += bytes_of_block(path.last->rows);
        if (!path.last->has_tail || path.n_blocks * n_block_ == n) continue;
        path.taken = path.last;
        path.n_taken = path.n_blocks;
    }
    return path;
}

Decoder::Reuse PrefixCache::restore(uint64_t owner, std::span<const int32_t> prompt, KvState& kv) {
    Decoder::Reuse reuse;
    if (bytes_max_ == 0) return reuse;
    const std::lock_guard lock(mutex_);
    const auto n = static_cast<int64_t>(prompt.size());
    const Path path = walk(owner, prompt);
    // Where this prompt parts from what is kept, another may part too.
    const int64_t parting = path.n_blocks * n_block_;
    const int64_t last = n / n_block_ * n_block_;
    reuse.n_tokens = path.n_taken * n_block_;
    if (parting > reuse.n_tokens && parting < last) reuse.keep_at[0] = parting;
    if (last > reuse.n_tokens) reuse.keep_at[1] = last;
    if (path.taken == nullptr) return reuse;
    load_tail(kv, reuse.n_tokens, path.taken->tail);
    const Node* node = path.taken;
    for (int64_t end = reuse.n_tokens; end > 0; end -= n_block_, node = node->parent) {
        load_rows(kv, {end - n_block_, end}, node->rows);
    }
    touch(*path.taken);
    return reuse;
}

int64_t PrefixCache::resident(uint64_t owner, std::span<const int32_t> prompt) const {
    const std::lock_guard lock(mutex_);
    return walk(owner, prompt).n_taken * n_block_;
}

// False: it would not fit even alone.
bool PrefixCache::make_room(uint64_t owner, std::span<const int32_t> tokens, const KvState& kv) {
    const auto n_blocks = static_cast<int64_t>(tokens.size()) / n_block_;
    while (true) {
        const Path path = walk(owner, tokens);
        int64_t missing = tail_bytes(kv);
        for (int64_t i = path.n_blocks; i < n_blocks; ++i) {
            missing += rows_bytes(kv, {i * n_block_, (i + 1) * n_block_}) + bytes_of_block({});
        }
        if (path.bytes + missing > bytes_max_) return false;
        if (bytes_ + missing <= bytes_max_) return true;
        drop_tail(*uses_.back());
    }
}

void PrefixCache::keep(uint64_t owner, std::span<const int32_t> tokens, const KvState& kv) {
    const auto n = static_cast<int64_t>(tokens.size());
    ENSURE(n >= n_block_ && n % n_block_ == 0 && kv.n_tokens() == n);
    const std::lock_guard lock(mutex_);
    if (bytes_max_ == 0 || !make_room(owner, tokens, kv)) return;
    auto& root = roots_[owner];
    if (root == nullptr) {
        root = std::make_unique<Node>();
        root->owner = owner;
    }
    Path path = walk(owner, tokens);
    for (int64_t i = path.n_blocks; i < n / n_block_; ++i) {
        auto node = std::make_unique<Node>();
        const TokenRange range{i * n_block_, (i + 1) * n_block_};
        node->owner = owner;
        node->parent = path.last;
        node->rows.resize(static_cast<size_t>(rows_bytes(kv, range)));
        save_rows(kv, range, node->rows);
        bytes_ += bytes_of_block(node->rows);
        const auto part = block(tokens, i);
        Node* added = node.get();
        added->at = path.last->children
                        .emplace(std::vector<int32_t>(part.begin(), part.end()), std::move(node))
                        .first;
        path.last = added;
    }
    Node& end = *path.last;
    if (end.has_tail) return touch(end);
    end.has_tail = true;
    end.tail.resize(static_cast<size_t>(tail_bytes(kv)));
    save_tail(kv, end.tail);
    bytes_ += size_of(end.tail);
    uses_.push_front(&end);
    end.use = uses_.begin();
}

void PrefixCache::touch(Node& node) {
    uses_.splice(uses_.begin(), uses_, node.use);
}

// And the blocks that are no longer on the way to a tail.
void PrefixCache::drop_tail(Node& node) {
    bytes_ -= size_of(node.tail);
    node.has_tail = false;
    node.tail = {};
    uses_.erase(node.use);
    Node* leaf = &node;
    while (leaf->parent != nullptr && !leaf->has_tail && leaf->children.empty()) {
        Node* parent = leaf->parent;
        bytes_ -= bytes_of_block(leaf->rows);
        parent->children.erase(leaf->at);
        leaf = parent;
    }
    if (leaf->parent == nullptr && leaf->children.empty()) roots_.erase(leaf->owner);
}

}  // namespace engine
