#include "engine/weights/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/weights/json_strict.h"

namespace engine {
namespace {

using nlohmann::json;

constexpr uint64_t kHeaderBytesMax = 32 << 20;  // V4-Pro's 140,000 tensors in one file need 18 MiB
constexpr size_t kDimsMax = 8;
constexpr size_t kNameLengthMax = 512;
constexpr size_t kLengthBytes = 8;

struct Reader {
    const std::string& file_name;
    std::span<const std::byte> data;  // behind the header

    tl::unexpected<Error> refuse(Errc code, const std::string& what) const {
        return tl::unexpected(Error{code, file_name + ": " + what});
    }
    tl::unexpected<Error> refuse(const std::string& tensor, const std::string& what) const {
        return refuse(Errc::file_broken, "tensor " + in_quotes(tensor) + ": " + what);
    }

    Result<Tensor> read(const std::string& name, const json& entry) const;
    Result<std::vector<int64_t>> shape(const std::string& name, const json& entry) const;
    Result<std::pair<size_t, size_t>> offsets(const std::string& name, const json& entry) const;
    Result<void> covers(const std::vector<Tensor>& tensors) const;
};

// A whole number that fits int64, else nothing. JSON's 1.0 and -1 are none.
std::optional<int64_t> whole(const json& value) {
    if (!value.is_number_unsigned()) return std::nullopt;
    const auto n = value.get<uint64_t>();
    if (n > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<int64_t>(n);
}

Result<std::vector<int64_t>> Reader::shape(const std::string& name, const json& entry) const {
    const auto found = entry.find("shape");
    if (found == entry.end() || !found->is_array()) return refuse(name, "no array \"shape\"");
    if (found->size() > kDimsMax) return refuse(name, "more than 8 dimensions");
    std::vector<int64_t> dims;
    for (const auto& value : *found) {
        const auto dim = whole(value);
        if (!dim) return refuse(name, "shape holds something other than a whole number");
        dims.push_back(*dim);
    }
    return dims;
}

Result<std::pair<size_t, size_t>> Reader::offsets(const std::string& name,
                                                  const json& entry) const {
    const auto found = entry.find("data_offsets");
    if (found == entry.end() || !found->is_array() || found->size() != 2) {
        return refuse(name, "no pair \"data_offsets\"");
    }
    const auto begin = whole((*found)[0]);
    const auto end = whole((*found)[1]);
    if (!begin || !end) return refuse(name, "data_offsets hold something other than whole numbers");
    if (*begin > *end) return refuse(name, "ends before it begins");
    if (static_cast<uint64_t>(*end) > data.size()) {
        return refuse(name, "ends at byte " + std::to_string(*end) + " of " +
                                std::to_string(data.size()) + " behind the header");
    }
    return std::pair(static_cast<size_t>(*begin), static_cast<size_t>(*end));
}

Result<Tensor> Reader::read(const std::string& name, const json& entry) const {
    if (name.empty() || name.size() > kNameLengthMax) return refuse(name, "no usable name");
    if (!entry.is_object()) return refuse(name, "not described by an object");
    if (entry.size() != 3) return refuse(name, "has other members than dtype, shape, data_offsets");
    const auto dtype = entry.find("dtype");
    if (dtype == entry.end() || !dtype->is_string()) return refuse(name, "no string \"dtype\"");
    const auto& type_name = dtype->get_ref<const std::string&>();
    const auto type = tensor_type(type_name);
    if (!type) {
        return refuse(Errc::unsupported,
                      "tensor " + in_quotes(name) + ": element type " + in_quotes(type_name));
    }
    auto dims = shape(name, entry);
    if (!dims) return tl::unexpected(dims.error());
    const auto range = offsets(name, entry);
    if (!range) return tl::unexpected(range.error());
    const auto size = n_bytes(*type, *dims);
    if (!size) {
        return refuse(name, "shape " + to_string(*dims) + " overflows");
    }
    if (static_cast<uint64_t>(*size) != range->second - range->first) {
        return refuse(name, "shape " + to_string(*dims) + " of " + type_name + " needs " +
                                std::to_string(*size) + " bytes, has " +
                                std::to_string(range->second - range->first));
    }
    return Tensor{name, *type, std::move(*dims),
                  data.subspan(range->first, range->second - range->first), file_name};
}

// In order of place, each tensor begins where the one before ended, and the last ends with the
// file.
Result<void> Reader::covers(const std::vector<Tensor>& tensors) const {
    std::vector<const Tensor*> by_place;
    by_place.reserve(tensors.size());
    for (const auto& tensor : tensors) by_place.push_back(&tensor);
    std::sort(by_place.begin(), by_place.end(), [](const Tensor* a, const Tensor* b) {
        return std::pair(a->bytes.data(), a->bytes.size()) <
               std::pair(b->bytes.data(), b->bytes.size());
    });
    const std::byte* expected = data.data();
    for (const Tensor* tensor : by_place) {
        if (tensor->bytes.data() != expected) {
            return refuse(tensor->name, tensor->bytes.data() < expected ? "overlaps another tensor"
                                                                        : "leaves a gap before it");
        }
        expected += tensor->bytes.size();
    }
    if (expected != data.data() + data.size()) {
        return refuse(Errc::file_broken, "bytes behind the last tensor");
    }
    return {};
}

bool is_metadata(const json& value) {
    return value.is_object() && std::all_of(value.begin(), value.end(),
                                            [](const json& member) { return member.is_string(); });
}

}  // namespace

Result<std::vector<Tensor>> parse_safetensors(std::span<const std::byte> file,
                                              const std::string& name) {
    const Reader front{name, {}};
    if (file.size() < kLengthBytes) return front.refuse(Errc::file_broken, "shorter than 8 bytes");
    uint64_t length = 0;
    for (size_t i = 0; i < kLengthBytes; ++i)
        length |= std::to_integer<uint64_t>(file[i]) << (8 * i);
    if (length > file.size() - kLengthBytes) {
        return front.refuse(Errc::file_broken, "header of " + std::to_string(length) +
                                                   " bytes in a file of " +
                                                   std::to_string(file.size()));
    }
    if (length > kHeaderBytesMax) {
        return front.refuse(Errc::file_broken, "header of " + std::to_string(length) +
                                                   " bytes, at most " +
                                                   std::to_string(kHeaderBytesMax));
    }
    const auto header_bytes = file.subspan(kLengthBytes, length);
    const std::string_view text(reinterpret_cast<const char*>(header_bytes.data()),
                                header_bytes.size());
    const auto header = parse_json_strict(text, 4);
    if (!header) return front.refuse(Errc::file_broken, "header: " + header.error());
    if (!header->is_object()) return front.refuse(Errc::file_broken, "header: not an object");

    const Reader reader{name, file.subspan(kLengthBytes + length)};
    std::vector<Tensor> tensors;
    tensors.reserve(header->size());
    for (const auto& [key, value] : header->items()) {
        if (key == "__metadata__") {
            if (!is_metadata(value))
                return front.refuse(Errc::file_broken, "__metadata__: not strings");
            continue;
        }
        auto tensor = reader.read(key, value);
        if (!tensor) return tl::unexpected(tensor.error());
        tensors.push_back(std::move(*tensor));
    }
    if (auto covered = reader.covers(tensors); !covered) return tl::unexpected(covered.error());
    return tensors;
}

}  // namespace engine
