#include "gateway/server/http_types.h"

namespace gateway {

std::string_view HttpHead::field(std::string_view lower_case_name) const {
    for (const auto& [name, value] : fields) {
        if (name == lower_case_name) return value;
    }
    return {};
}

}  // namespace gateway
