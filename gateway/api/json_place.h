#pragma once
// Where in a document a value stands, as error texts say it: messages[0].content[1].type. Links up
// the stack of the functions that walk down; becomes text only when there is something to say.
#include <string>
#include <string_view>

namespace gateway {

class JsonPlace {
public:
    JsonPlace() = default;  // the root
    explicit JsonPlace(std::string_view name) : name_(name) {}
    JsonPlace(const JsonPlace& up, std::string_view name) : up_(&up), name_(name) {}
    JsonPlace(const JsonPlace& up, size_t index) : up_(&up), index_(index), is_index_(true) {}

    std::string text() const;  // the root: empty

private:
    const JsonPlace* up_ = nullptr;  // on the caller's stack
    std::string_view name_;
    size_t index_ = 0;
    bool is_index_ = false;
};

}  // namespace gateway
