#include "gateway/upstream/body_edit.h"

#include <algorithm>

#include "gateway/upstream/object_scan.h"

namespace gateway {

namespace {

class ObjectWriter {
public:
    explicit ObjectWriter(size_t n_bytes) { out_.reserve(n_bytes); }
    void member(std::string_view key_and_colon, std::string_view value) {
        out_ += first_ ? '{' : ',';
        first_ = false;
        out_.append(key_and_colon).append(value);
    }
    std::string finish() {
        if (first_) out_ += '{';
        out_ += '}';
        return std::move(out_);
    }

private:
    std::string out_;
    bool first_ = true;
};

}  // namespace

std::string edit_body(std::string_view body, std::span<const BodyMember> members,
                      std::span<const BodyEdit> edits) {
    size_t n_added = 2;
    for (const BodyEdit& edit : edits)
        n_added += edit.key.size() + 8 + edit.value.value_or("").size();
    ObjectWriter out(body.size() + n_added);
    const auto edit_of = [&](std::string_view key) {
        return std::find_if(edits.begin(), edits.end(),
                            [&](const BodyEdit& e) { return e.key == key; });
    };
    for (const BodyMember& member : members) {
        const auto edit = edit_of(member.key);
        if (edit != edits.end() && !edit->value) continue;
        const std::string_view value =
            body.substr(member.value_begin, member.value_end - member.value_begin);
        out.member(body.substr(member.key_begin, member.value_begin - member.key_begin),
                   edit == edits.end() ? value : std::string_view(*edit->value));
    }
    for (const BodyEdit& edit : edits) {
        const bool stood =
            std::any_of(members.begin(), members.end(),
                        [&](const BodyMember& member) { return member.key == edit.key; });
        if (edit.value && !stood) out.member(json_string(edit.key) + ":", *edit.value);
    }
    return out.finish();
}

std::string edit_object(std::string_view object, std::span<const BodyEdit> edits) {
    return edit_body(object, object_members(object), edits);
}

}  // namespace gateway
