#include "gateway/api/json_place.h"

#include "gateway/api/request_errors.h"

namespace gateway {

std::string JsonPlace::text() const {
    std::string out = up_ ? up_->text() : std::string();
    if (is_index_) return out.append("[").append(std::to_string(index_)).append("]");
    if (!out.empty() && !name_.empty()) out += '.';
    return out += abbreviated(name_);
}

}  // namespace gateway
