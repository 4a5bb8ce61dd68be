#include "engine/weights/gguf.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "config/ensure.h"
#include "engine/tokenizer/utf8.h"
#include "engine/weights/gguf_cursor.h"
#include "engine/weights/json_strict.h"

namespace engine {
namespace {

constexpr char kMagic[4] = {'G', 'G', 'U', 'F'};
constexpr uint64_t kKeysMax = 1 << 16;
constexpr uint64_t kTensorsMax = 100'000;
constexpr uint64_t kArrayMax = 16 << 20;
constexpr uint32_t kDimsMax = 4;
constexpr uint64_t kAlignmentMax = 1 << 20;
constexpr size_t kNameLengthMax = 512;

constexpr std::pair<TensorType, uint32_t> kTensorCodes[] = {
    {TensorType::f32, 0},   {TensorType::f16, 1},    {TensorType::q8_0, 8},
    {TensorType::q2_k, 10}, {TensorType::q4_k, 12},  {TensorType::iq2_xxs, 16},
    {TensorType::i8, 24},   {TensorType::i32, 26},   {TensorType::i64, 27},
    {TensorType::bf16, 30}, {TensorType::mxfp4, 39},
};

struct Described {  // a tensor before its place is known
    Tensor tensor;
    uint64_t offset = 0;
};

class Parser {
public:
    Parser(std::span<const std::byte> file, const std::string& name)
        : file_(file), name_(name), in_(file) {}

    Result<GgufFile> parse();

private:
    [[noreturn]] void broken(const std::string& what) const {
        throw GgufRefusal{Errc::file_broken, what};
    }
    uint64_t read_counts();
    void read_key();
    GgufValue read_value(const std::string& key, GgufType type);
    GgufArray read_array(const std::string& key);
    void read_tensor();
    void place_tensors();
    uint64_t alignment() const;

    std::span<const std::byte> file_;
    const std::string& name_;
    GgufCursor in_;
    uint64_t n_tensors_ = 0;
    std::set<std::string_view> names_;
    std::vector<Described> described_;
    GgufFile result_;
};

// Returns the number of keys.
uint64_t Parser::read_counts() {
    if (!is_gguf(file_)) broken("does not begin with \"GGUF\"");
    in_.skip(sizeof kMagic);
    const auto version = in_.number<uint32_t>();
    if (version != 2 && version != 3) {
        const bool swapped = version == 2u << 24 || version == 3u << 24;
        throw GgufRefusal{Errc::unsupported, swapped ? "is big-endian"
                                                     : "GGUF version " + std::to_string(version) +
                                                           ", this engine reads 2 and 3"};
    }
    n_tensors_ = in_.number<uint64_t>();
    const auto n_keys = in_.number<uint64_t>();
    if (n_tensors_ > kTensorsMax) {
        broken(std::to_string(n_tensors_) + " tensors, at most " + std::to_string(kTensorsMax));
    }
    if (n_keys > kKeysMax) {
        broken(std::to_string(n_keys) + " keys, at most " + std::to_string(kKeysMax));
    }
    return n_keys;
}

GgufArray Parser::read_array(const std::string& key) {
    const auto code = in_.number<uint32_t>();
    const auto type = static_cast<GgufType>(code);
    if (code > static_cast<uint32_t>(GgufType::f64)) {
        broken("key " + key + ": value type " + std::to_string(code));
    }
    if (type == GgufType::array) {
        throw GgufRefusal{Errc::unsupported, "key " + key + ": an array of arrays"};
    }
    const auto size = in_.number<uint64_t>();
    if (size > kArrayMax) {
        broken("key " + key + ": " + std::to_string(size) + " elements, at most " +
               std::to_string(kArrayMax));
    }
    const size_t begin = in_.offset();
    if (type == GgufType::string) {
        for (uint64_t i = 0; i < size; ++i) in_.text();
    } else {
        in_.skip(size * gguf_value_bytes(type));  // at most 2^24 * 8
    }
    return {type, size, file_.subspan(begin, in_.offset() - begin)};
}

GgufValue Parser::read_value(const std::string& key, GgufType type) {
    switch (type) {
        case GgufType::u8:
            return int64_t{in_.number<uint8_t>()};
        case GgufType::i8:
            return int64_t{in_.number<int8_t>()};
        case GgufType::u16:
            return int64_t{in_.number<uint16_t>()};
        case GgufType::i16:
            return int64_t{in_.number<int16_t>()};
        case GgufType::u32:
            return int64_t{in_.number<uint32_t>()};
        case GgufType::i32:
            return int64_t{in_.number<int32_t>()};
        case GgufType::f32:
            return static_cast<double>(in_.number<float>());
        case GgufType::boolean: {
            const auto value = in_.number<uint8_t>();
            if (value > 1) broken("key " + key + ": a boolean of " + std::to_string(value));
            return value == 1;
        }
        case GgufType::string:
            return in_.text();
        case GgufType::array:
            return read_array(key);
        case GgufType::u64: {
            const auto value = in_.number<uint64_t>();
            if (value > static_cast<uint64_t>(INT64_MAX)) {
                broken("key " + key + ": " + std::to_string(value));
            }
            return static_cast<int64_t>(value);
        }
        case GgufType::i64:
            return in_.number<int64_t>();
        case GgufType::f64:
            return in_.number<double>();
    }
    broken("key " + key + ": value type " + std::to_string(static_cast<uint32_t>(type)));
}

void Parser::read_key() {
    const std::string_view key = in_.text();
    const bool plain =
        !key.empty() && key.size() <= kNameLengthMax &&
        std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 127; });
    if (!plain) broken("key " + in_quotes(key) + " is not a plain name");
    const auto type = static_cast<GgufType>(in_.number<uint32_t>());
    if (!result_.keys.emplace(key, read_value(in_quotes(key), type)).second) {
        broken("key " + in_quotes(key) + " stands twice");
    }
}

void Parser::read_tensor() {
    const std::string_view name = in_.text();
    if (name.empty() || name.size() > kNameLengthMax) {
        broken("tensor " + in_quotes(name) + ": no usable name");
    }
    const std::string shown = "tensor " + in_quotes(name);
    if (!names_.insert(name).second) broken(shown + " stands twice");
    const auto n_dims = in_.number<uint32_t>();
    if (n_dims < 1 || n_dims > kDimsMax) {
        broken(shown + ": " + std::to_string(n_dims) + " dimensions");
    }
    std::vector<int64_t> shape(n_dims);
    for (uint32_t i = 0; i < n_dims; ++i) {
        const auto dim = in_.number<uint64_t>();
        if (dim > static_cast<uint64_t>(INT64_MAX)) broken(shown + ": a dimension overflows");
        shape[n_dims - 1 - i] = static_cast<int64_t>(dim);
    }
    const auto code = in_.number<uint32_t>();
    const auto type = gguf_tensor_type(code);
    if (!type) {
        throw GgufRefusal{Errc::unsupported, shown + ": tensor type " + std::to_string(code)};
    }
    Described described{{std::string(name), *type, std::move(shape), {}, name_}, 0};
    described.offset = in_.number<uint64_t>();
    described_.push_back(std::move(described));
}

uint64_t Parser::alignment() const {
    const auto found = result_.keys.find("general.alignment");
    if (found == result_.keys.end()) return kGgufAlignment;
    const auto* value = std::get_if<int64_t>(&found->second);
    const uint64_t alignment = value == nullptr || *value < 0 ? 0 : static_cast<uint64_t>(*value);
    if (alignment == 0 || alignment > kAlignmentMax || (alignment & (alignment - 1)) != 0) {
        broken("general.alignment: must be a power of two up to " + std::to_string(kAlignmentMax));
    }
    return alignment;
}

// In order of place, no tensor begins before the one before it has ended.
void Parser::place_tensors() {
    const uint64_t align = alignment();
    const uint64_t begin = (in_.offset() + align - 1) / align * align;
    const uint64_t size = begin > file_.size() ? 0 : file_.size() - begin;
    const auto by_place = [](const Described& a, const Described& b) {
        return std::pair(a.offset, a.tensor.name) < std::pair(b.offset, b.tensor.name);
    };
    std::sort(described_.begin(), described_.end(), by_place);
    uint64_t end = 0;
    for (Described& described : described_) {
        Tensor& tensor = described.tensor;
        const std::string shown = "tensor " + in_quotes(tensor.name);
        const auto bytes = n_bytes(tensor.type, tensor.shape);
        if (!bytes) {
            broken(shown + ": shape " + to_string(tensor.shape) + " does not fit " +
                   std::string(to_string(tensor.type)));
        }
        const auto length = static_cast<uint64_t>(*bytes);
        if (described.offset % align != 0) broken(shown + ": is not aligned");
        if (described.offset > size || length > size - described.offset) {
            broken(shown + ": its " + std::to_string(length) + " bytes end behind the file");
        }
        if (described.offset < end) broken(shown + ": overlaps another tensor");
        end = described.offset + length;
        // Of a tensor without bytes `begin` may lie behind the file.
        if (length > 0) tensor.bytes = file_.subspan(begin + described.offset, length);
        result_.tensors.push_back(std::move(tensor));
    }
}

Result<GgufFile> Parser::parse() {
    try {
        const uint64_t n_keys = read_counts();
        for (uint64_t i = 0; i < n_keys; ++i) read_key();
        for (uint64_t i = 0; i < n_tensors_; ++i) read_tensor();
        place_tensors();
        return std::move(result_);
    } catch (const GgufRefusal& refusal) {
        return tl::unexpected(Error{refusal.code, name_ + ": " + refusal.what});
    }
}

}  // namespace

bool is_gguf(std::span<const std::byte> file) {
    return file.size() >= sizeof kMagic && std::memcmp(file.data(), kMagic, sizeof kMagic) == 0;
}

std::optional<uint32_t> gguf_code(TensorType type) {
    for (const auto& [known, code] : kTensorCodes) {
        if (known == type) return code;
    }
    return std::nullopt;
}

std::optional<TensorType> gguf_tensor_type(uint32_t code) {
    for (const auto& [type, known] : kTensorCodes) {
        if (known == code) return type;
    }
    return std::nullopt;
}

Result<GgufFile> parse_gguf(std::span<const std::byte> file, const std::string& name) {
    return Parser(file, name).parse();
}

size_t GgufArray::element_bytes() const {
    return gguf_value_bytes(type_);
}

double GgufArray::number_at(size_t offset) const {
    GgufCursor in(bytes_.subspan(offset));
    switch (type_) {
        case GgufType::u8:
        case GgufType::boolean:
            return in.number<uint8_t>();
        case GgufType::i8:
            return in.number<int8_t>();
        case GgufType::u16:
            return in.number<uint16_t>();
        case GgufType::i16:
            return in.number<int16_t>();
        case GgufType::u32:
            return in.number<uint32_t>();
        case GgufType::i32:
            return in.number<int32_t>();
        case GgufType::f32:
            return static_cast<double>(in.number<float>());
        case GgufType::u64:
            return static_cast<double>(in.number<uint64_t>());
        case GgufType::i64:
            return static_cast<double>(in.number<int64_t>());
        case GgufType::f64:
            return in.number<double>();
        case GgufType::string:
        case GgufType::array:
            break;
    }
    ENSURE(false);
    return 0;
}

std::string_view GgufArray::text_at(size_t& offset) const {
    ENSURE(type_ == GgufType::string);
    GgufCursor in(bytes_.subspan(offset));
    const std::string_view text = in.text();
    offset += in.offset();
    return text;
}

}  // namespace engine
