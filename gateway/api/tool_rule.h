#pragma once
// An assistant message with tool calls is followed at once by one tool message for each of them.
// For .cpp files only.
#include "gateway/api/message_fields.h"

namespace gateway {

class ToolRule {
public:
    Fault next(std::string_view role, const MessageFields& message, const JsonPlace& place,
               size_t index);
    Fault end() const;

private:
    Fault answer(const MessageFields& message, const JsonPlace& place, size_t index);
    ApiError unanswered(std::string param) const;

    std::vector<std::string_view> open_;  // ids of calls that wait for their answers
};

}  // namespace gateway
