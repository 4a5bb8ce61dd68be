#include "engine/weights/safetensors.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "engine/kernels/half.h"
#include "engine/weights/checkpoint.h"
#include "engine/weights/convert.h"

using namespace engine;

namespace {

std::vector<std::byte> file_of(const std::string& header, size_t n_data, uint64_t length) {
    std::vector<std::byte> file(8 + header.size() + n_data);
    for (size_t i = 0; i < 8; ++i) file[i] = static_cast<std::byte>(length >> (8 * i));
    std::memcpy(file.data() + 8, header.data(), header.size());
    return file;
}
std::vector<std::byte> file_of(const std::string& header, size_t n_data) {
    return file_of(header, n_data, header.size());
}

void check_refused(const std::vector<std::byte>& file, const std::string& part,
                   Errc code = Errc::file_broken) {
    const auto parsed = parse_safetensors(file, "m.safetensors");
    REQUIRE_FALSE(parsed);
    INFO(parsed.error().detail);
    CHECK(parsed.error().code == code);
    CHECK(parsed.error().detail.starts_with("m.safetensors: "));
    CHECK(parsed.error().detail.find(part) != std::string::npos);
    CHECK(parsed.error().detail.find('\n') == std::string::npos);
}

void check_header_refused(const std::string& header, size_t n_data, const std::string& part,
                          Errc code = Errc::file_broken) {
    check_refused(file_of(header, n_data), part, code);
}

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "weir-shards-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    void write(const std::string& name, const std::vector<std::byte>& bytes) const {
        std::ofstream out(path / name, std::ios::binary);
        out.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name, std::ios::binary) << text;
    }
    std::filesystem::path path;
};

}  // namespace

TEST_CASE("safetensors: a sound file", "[engine][weights]") {
    const auto file = file_of(R"({"__metadata__":{"format":"pt"},
        "b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},
        "a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},
        "none":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8]}}   )",
                              12 + 8);
    const auto tensors = parse_safetensors(file, "m");
    INFO((tensors ? "" : tensors.error().detail));
    REQUIRE(tensors);
    REQUIRE(tensors->size() == 3);
    for (const auto& tensor : *tensors) {
        if (tensor.name != "b") continue;
        CHECK(tensor.type == TensorType::bf16);
        CHECK(tensor.shape == std::vector<int64_t>{2, 3});
        CHECK(tensor.bytes.data() == file.data() + file.size() - 12);
        CHECK(tensor.bytes.size() == 12);
    }
}

TEST_CASE("safetensors: lengths that lie", "[engine][weights]") {
    check_refused({}, "shorter than 8 bytes");
    check_refused(std::vector<std::byte>(7), "shorter than 8 bytes");
    check_refused(file_of("{}", 0, 3), "header of 3 bytes");
    check_refused(file_of("{}", 0, UINT64_MAX), "header of 18446744073709551615 bytes");
    check_refused(file_of("{}", 0, uint64_t{1} << 63), "header of");
    check_refused(file_of("{}", 4), "bytes behind the last tensor");
    check_refused(file_of("{}", 0, 1), "header: ");
    check_refused(file_of("", 0), "header: ");
}

TEST_CASE("safetensors: headers that are not what they should be", "[engine][weights]") {
    check_header_refused("[]", 0, "not an object");
    check_header_refused("{\"a\":1}", 0, "not described by an object");
    check_header_refused("{\"a\xff\":1}", 0, "header: ");
    check_header_refused(R"({"__metadata__":{"x":1}})", 0, "__metadata__");
    check_header_refused(R"({"__metadata__":[]})", 0, "__metadata__");
    check_header_refused(R"({"":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4, "name");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[]}})", 0, "other members");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":0}})", 4,
                         "other members");
    check_header_refused(R"({"a":{"dtype":4,"shape":[],"data_offsets":[0,4]}})", 4, "dtype");
    check_header_refused(R"({"a":{"dtype":"F4","shape":[],"data_offsets":[0,4]}})", 4, "F4",
                         Errc::unsupported);
    check_header_refused(R"({"a":{"dtype":"F32","shape":4,"data_offsets":[0,4]}})", 4, "shape");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4,
                         "whole number");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4,
                         "whole number");
    check_header_refused(
        R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
        "8 dimensions");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4,
                         "data_offsets");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,"4"]}})", 4,
                         "whole numbers");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4,
                         "before it begins");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 4,
                         "ends at byte 8 of 4");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                         "needs 8 bytes");
    check_header_refused(
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
        4, "twice");
    check_header_refused(std::string(1000, '{'), 0, "header: ");
    check_header_refused(std::string(100000, '['), 0, "deeper");
}

TEST_CASE("safetensors: shapes that overflow", "[engine][weights]") {
    check_header_refused(
        R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
        "overflows");
    check_header_refused(
        R"({"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,0]}})", 0,
        "overflows");
    check_header_refused(
        R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,0]}})", 0,
        "whole number");
}

TEST_CASE("safetensors: overlaps and gaps", "[engine][weights]") {
    check_header_refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                            "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                         12, "overlaps");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                            "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                         12, "gap");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "gap");
    check_header_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8,
                         "behind the last");
}

TEST_CASE("checkpoint: shards by their index; a file that it does not name is not read",
          "[engine][weights]") {
    const Folder folder;
    folder.write("1.safetensors",
                 file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
    folder.write("2.safetensors",
                 file_of(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
    folder.write("3.safetensors", std::string("broken"));
    folder.write("model.safetensors.index.json",
                 R"({"metadata":{},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
    const auto source = open_checkpoint(folder.path);
    REQUIRE(source);
    CHECK((*source)->tensors().size() == 2);
}

TEST_CASE("checkpoint: what an index may not say", "[engine][weights]") {
    const Folder folder;
    folder.write("1.safetensors",
                 file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
    folder.write("2.safetensors",
                 file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4));
    const auto check = [&](const std::string& text, Errc code, const std::string& part) {
        folder.write("model.safetensors.index.json", text);
        const auto source = open_checkpoint(folder.path);
        REQUIRE_FALSE(source);
        INFO(source.error().detail);
        CHECK(source.error().code == code);
        CHECK(source.error().detail.find(part) != std::string::npos);
    };
    check("{}", Errc::file_broken, "weight_map");
    check("[]", Errc::file_broken, "weight_map");
    check(R"({"weight_map":{}})", Errc::file_broken, "weight_map");
    check(R"({"weight_map":{"a":7}})", Errc::file_broken, "not the name of a file");
    check(R"({"weight_map":{"a":"../1.safetensors"}})", Errc::file_broken,
          "not the name of a file");
    check(R"({"weight_map":{"a":"/etc/passwd"}})", Errc::file_broken, "not the name of a file");
    check(R"({"weight_map":{"a":"3.safetensors"}})", Errc::file_missing, "3.safetensors");
    check(R"({"weight_map":{"a":"1.safetensors","b":"1.safetensors"}})", Errc::file_broken,
          "\"b\" is missing");
    check(R"({"weight_map":{"b":"1.safetensors"}})", Errc::file_broken,
          "\"a\" is not in the index");
    check(R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})", Errc::file_broken,
          "stands in two files");
}

TEST_CASE("checkpoint: folders without a model", "[engine][weights]") {
    const Folder folder;
    const auto source = open_checkpoint(folder.path);
    REQUIRE_FALSE(source);
    CHECK(source.error().code == Errc::file_missing);
    std::filesystem::create_directory(folder.path / "model.safetensors");
    const auto directory = open_checkpoint(folder.path);
    REQUIRE_FALSE(directory);
    CHECK(directory.error().code == Errc::file_broken);
}

TEST_CASE("convert: half precision and bfloat16", "[engine][weights]") {
    CHECK(engine::kernels::f16_to_f32(0x3c00) == 1.0f);
    CHECK(engine::kernels::f16_to_f32(0xc000) == -2.0f);
    CHECK(engine::kernels::f16_to_f32(0x7bff) == 65504.0f);
    CHECK(engine::kernels::f16_to_f32(0x0001) == 0x1p-24f);
    CHECK(engine::kernels::f16_to_f32(0x83ff) == -0x1.ff8p-15f);
    CHECK(std::isinf(engine::kernels::f16_to_f32(0x7c00)));
    CHECK(std::isnan(engine::kernels::f16_to_f32(0x7e00)));
    CHECK(to_bf16(1.0f) == 0x3f80);
    CHECK(to_bf16(1.00390625f) == 0x3f80);  // halfway, down to even
    CHECK(to_bf16(1.01171875f) == 0x3f82);  // halfway, up to even
    CHECK(to_bf16(1.0040f) == 0x3f81);
    CHECK(to_bf16(std::numeric_limits<float>::infinity()) == 0x7f80);
    CHECK((to_bf16(std::numeric_limits<float>::quiet_NaN()) & 0x7fff) > 0x7f80);
}
