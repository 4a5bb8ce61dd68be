#pragma once
// Collects why a file is refused. Every stage of the loader adds to one list, which ends at
// kRefusalsMax: nobody reads more, and a hostile file costs no more.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"
#include "config/yaml_tree.h"

namespace config {

inline constexpr size_t kRefusalsMax = 100;

class Refusals {
public:
    explicit Refusals(std::string_view file) : file_(file) {}

    void add(Mark at, std::string_view key, std::string message) {
        if (full()) return;
        list_.push_back({file_, at.line, at.column, std::string(key), std::move(message)});
    }
    bool empty() const { return list_.empty(); }
    bool full() const { return list_.size() == kRefusalsMax; }
    // Whether `key` or anything below it was refused; also if that is not known any more.
    bool any_at(std::string_view key) const {
        return full() || std::any_of(list_.begin(), list_.end(), [&](const Refusal& refusal) {
                   return refusal.key.starts_with(key) &&
                          (refusal.key.size() == key.size() || refusal.key[key.size()] == '.');
               });
    }
    // In file order, and a last one for the whole file if there may be more.
    std::vector<Refusal> take() {
        std::stable_sort(list_.begin(), list_.end(), [](const Refusal& a, const Refusal& b) {
            return a.line != b.line ? a.line < b.line : a.column < b.column;
        });
        if (full()) {
            list_.push_back(
                {file_, 0, 0, "",
                 std::to_string(kRefusalsMax) + " refusals; correct these to see more"});
        }
        return std::move(list_);
    }

private:
    const std::string file_;
    std::vector<Refusal> list_;
};

}  // namespace config
