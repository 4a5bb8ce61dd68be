#include "gateway/upstream/answer_reader.h"

#include <utility>

namespace gateway {

EventLook broken(Failure failure) {
    EventLook look;
    look.kind = EventLook::Kind::failed;
    look.failure = std::move(failure);
    return look;
}

EventLook said_error(std::string_view data) {
    return broken(classify(200, read_error_body(data)));
}

}  // namespace gateway
