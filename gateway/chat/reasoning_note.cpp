#include "gateway/chat/reasoning_note.h"

#include <array>

#include "gateway/upstream/body_edit.h"
#include "gateway/upstream/object_scan.h"

namespace gateway {

std::string with_reasoning(std::string_view data, std::string_view reasoning) {
    if (data.find("\"usage\"") == data.npos) return std::string(data);
    const auto members = object_members(data);
    for (const BodyMember& member : members) {
        if (member.key != "usage" || data[member.value_begin] != '{') continue;
        const std::string_view usage =
            data.substr(member.value_begin, member.value_end - member.value_begin);
        const std::array<BodyEdit, 1> told{{{"weir_reasoning", json_string(reasoning)}}};
        const std::array<BodyEdit, 1> edit{{{"usage", edit_object(usage, told)}}};
        return edit_body(data, members, edit);
    }
    return std::string(data);
}

}  // namespace gateway
