// The GGUF container: what is read, and what is refused before it is believed.
#include "engine/weights/gguf.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "engine/weights/gguf_config.h"
#include "engine/weights/gguf_names.h"
#include "engine/weights/gguf_writer.h"
#include "engine/weights/tensor_names.h"

using namespace engine;
using Catch::Matchers::Contains;

namespace {

// A file written value by value, right or wrong.
struct Bytes {
    std::string out;

    template <class T>
    Bytes& put(T value) {
        out.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Bytes& text(std::string_view value, int64_t length = -1) {
        put<uint64_t>(length < 0 ? value.size() : static_cast<uint64_t>(length));
        out += value;
        return *this;
    }
    Bytes& counts(uint64_t n_tensors, uint64_t n_keys, uint32_t version = 3) {
        out += "GGUF";
        return put(version).put(n_tensors).put(n_keys);
    }
    Bytes& tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                  uint64_t offset) {
        text(name).put(static_cast<uint32_t>(dims.size()));
        for (const uint64_t dim : dims) put(dim);
        return put(type).put(offset);
    }
    Bytes& data(size_t n_bytes) {
        out.resize((out.size() + 31) / 32 * 32 + n_bytes);
        return *this;
    }
};

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string refusal(const Bytes& file) {
    const auto parsed = parse_gguf(bytes_of(file.out), "f.gguf");
    if (parsed) return "read";
    CHECK(parsed.error().detail.starts_with("f.gguf: "));
    CHECK(parsed.error().detail.find('\n') == std::string::npos);
    return parsed.error().detail;
}

constexpr uint32_t kU32 = 4, kBool = 7, kString = 8, kArray = 9;

Bytes with_alignment(uint64_t value) {
    Bytes file;
    file.counts(0, 1).text("general.alignment");
    if (value > UINT32_MAX) return file.put<uint32_t>(10).put(value), file;
    return file.put(kU32).put(static_cast<uint32_t>(value)), file;
}

}  // namespace

TEST_CASE("gguf: values of every type come back as they were written", "[engine][weights]") {
    GgufHeader header;
    header.whole("small", 7);
    header.whole("large", int64_t{1} << 40);
    header.real("half", 0.5f);
    header.flag("yes", true);
    header.text("name", "Wehr \xC3\xA9");
    const int64_t wholes[] = {1, -2, 3};
    header.wholes("wholes", wholes);
    const float reals[] = {0.25f, -1.0f};
    header.reals("reals", reals);
    const std::string texts[] = {"a", "", "bc"};
    header.texts("texts", texts);
    const int64_t shape_a[] = {3, 5};
    const int64_t shape_b[] = {2, 64};
    header.tensor("a", TensorType::f32, shape_a);
    header.tensor("b", TensorType::q8_0, shape_b);
    const std::string file = header.bytes() + std::string(64 + 136, 'x');

    const auto parsed = parse_gguf(bytes_of(file), "f");
    INFO((parsed ? "" : parsed.error().detail));
    REQUIRE(parsed);
    const auto& keys = parsed->keys;
    CHECK(keys.size() == 8);
    CHECK(std::get<int64_t>(keys.at("small")) == 7);
    CHECK(std::get<int64_t>(keys.at("large")) == int64_t{1} << 40);
    CHECK(std::get<double>(keys.at("half")) == 0.5);
    CHECK(std::get<bool>(keys.at("yes")));
    CHECK(std::get<std::string_view>(keys.at("name")) == "Wehr \xC3\xA9");
    std::vector<double> numbers;
    std::get<GgufArray>(keys.at("wholes")).for_each_number([&](double x) { numbers.push_back(x); });
    std::get<GgufArray>(keys.at("reals")).for_each_number([&](double x) { numbers.push_back(x); });
    CHECK(numbers == std::vector<double>{1, -2, 3, 0.25, -1});
    std::vector<std::string> read;
    std::get<GgufArray>(keys.at("texts")).for_each_text([&](std::string_view text) {
        read.emplace_back(text);
    });
    CHECK(read == std::vector<std::string>{"a", "", "bc"});
    REQUIRE(parsed->tensors.size() == 2);
    CHECK(parsed->tensors[0].name == "a");
    CHECK(parsed->tensors[0].shape == std::vector<int64_t>{3, 5});
    CHECK(parsed->tensors[0].bytes.size() == 60);
    CHECK(parsed->tensors[1].type == TensorType::q8_0);
    CHECK(parsed->tensors[1].bytes.data() == parsed->tensors[0].bytes.data() + 64);
    CHECK(parsed->tensors[1].bytes.size() == 136);
}

TEST_CASE("gguf: every cut of a file is refused", "[engine][weights]") {
    Bytes file;
    file.counts(1, 2).text("k").put(kU32).put<uint32_t>(1);
    file.text("t").put(kArray).put(kString).put<uint64_t>(2).text("ab").text("c");
    file.tensor("x", {8}, 0, 0);
    file.data(32);
    REQUIRE(refusal(file) == "read");
    for (size_t n = 0; n < file.out.size(); ++n) {
        Bytes cut;
        cut.out = file.out.substr(0, n);
        REQUIRE(refusal(cut) != "read");
    }
}

TEST_CASE("gguf: hostile headers", "[engine][weights]") {
    constexpr uint64_t kHuge = UINT64_MAX;
    CHECK_THAT(refusal(Bytes{"GGML"}), Contains("does not begin with"));
    CHECK_THAT(refusal(Bytes().counts(0, 0, 1)), Contains("GGUF version 1"));
    CHECK_THAT(refusal(Bytes().counts(0, 0, 3u << 24)), Contains("is big-endian"));
    CHECK_THAT(refusal(Bytes().counts(kHuge, 0)), Contains("tensors, at most 100000"));
    CHECK_THAT(refusal(Bytes().counts(0, kHuge)), Contains("keys, at most 65536"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k", INT64_MAX)), Contains("a string of"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).put(kHuge)), Contains("a string of"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("").put(kU32).put(1u)),
               Contains("is not a plain name"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("a b").put(kU32).put(1u)),
               Contains("is not a plain name"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("\xC3(").put(kU32).put(1u)),
               Contains("is not UTF-8"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(99u).put(1u)), Contains("value type 99"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(kBool).put<uint8_t>(2)),
               Contains("a boolean of 2"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(10u).put(kHuge)),
               Contains("18446744073709551615"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(kArray).put(kU32).put(kHuge)),
               Contains("elements, at most"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(kArray).put(kArray).put<uint64_t>(1)),
               Contains("an array of arrays"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(kArray).put(77u).put<uint64_t>(1)),
               Contains("value type 77"));
    CHECK_THAT(refusal(Bytes().counts(0, 1).text("k").put(kArray).put(kU32).put<uint64_t>(1 << 20)),
               Contains("ends in its header"));
    Bytes twice;
    twice.counts(0, 2).text("k").put(kU32).put(1u).text("k").put(kU32).put(1u);
    CHECK_THAT(refusal(twice), Contains("\"k\" stands twice"));
    for (const uint64_t alignment : {0ull, 3ull, 48ull, 2ull << 20, 1ull << 40}) {
        CHECK_THAT(refusal(with_alignment(alignment)), Contains("a power of two"));
    }
    CHECK(refusal(with_alignment(4096)) == "read");
}

TEST_CASE("gguf: hostile tensor descriptions", "[engine][weights]") {
    const auto one = [](std::vector<uint64_t> dims, uint32_t type, uint64_t offset) {
        Bytes file;
        file.counts(1, 0).tensor("x", std::move(dims), type, offset).data(64);
        return refusal(file);
    };
    CHECK(one({8}, 0, 0) == "read");
    CHECK(one({8}, 0, 32) == "read");
    CHECK_THAT(one({}, 0, 0), Contains("0 dimensions"));
    CHECK_THAT(one({1, 1, 1, 1, 1}, 0, 0), Contains("5 dimensions"));
    CHECK_THAT(one({8}, 2, 0), Contains("tensor type 2"));
    CHECK_THAT(one({8}, 4711, 0), Contains("tensor type 4711"));
    CHECK_THAT(one({UINT64_MAX}, 0, 0), Contains("a dimension overflows"));
    CHECK_THAT(one({uint64_t{1} << 62, 4}, 0, 0), Contains("does not fit F32"));
    CHECK_THAT(one({uint64_t{1} << 62}, 0, 0), Contains("does not fit F32"));
    CHECK_THAT(one({33}, 8, 0), Contains("does not fit Q8_0"));
    CHECK_THAT(one({17}, 0, 0), Contains("end behind the file"));
    CHECK_THAT(one({8}, 0, 64), Contains("end behind the file"));
    CHECK_THAT(one({8}, 0, UINT64_MAX - 31), Contains("end behind the file"));
    CHECK_THAT(one({8}, 0, 16), Contains("is not aligned"));
    Bytes twice;
    twice.counts(2, 0).tensor("x", {1}, 0, 0).tensor("x", {1}, 0, 32).data(64);
    CHECK_THAT(refusal(twice), Contains("stands twice"));
    Bytes overlap;
    overlap.counts(2, 0).tensor("x", {16}, 0, 0).tensor("y", {8}, 0, 32).data(64);
    CHECK_THAT(refusal(overlap), Contains("overlaps another tensor"));
    Bytes same;
    same.counts(2, 0).tensor("x", {8}, 0, 0).tensor("y", {8}, 0, 0).data(64);
    CHECK_THAT(refusal(same), Contains("overlaps another tensor"));
    Bytes nameless;
    nameless.counts(1, 0).tensor("", {8}, 0, 0).data(64);
    CHECK_THAT(refusal(nameless), Contains("no usable name"));
}

TEST_CASE("gguf names: to the official ones and back", "[engine][weights]") {
    const std::pair<const char*, const char*> names[] = {
        {"token_embd.weight", "embed.weight"},
        {"output_hc_scale.weight", "hc_head_scale"},
        {"blk.3.attn_q_a.weight", "layers.3.attn.wq_a.weight"},
        {"blk.12.attn_sinks.weight", "layers.12.attn.attn_sink"},
        {"blk.0.attn_norm.weight", "layers.0.attn_norm.weight"},
        {"blk.7.indexer_compressor_ape.weight", "layers.7.attn.indexer.compressor.ape"},
        {"blk.7.exp_probs_b.bias", "layers.7.ffn.gate.bias"},
        {"mtp.0.attn_q_a.weight", "mtp.0.attn.wq_a.weight"},
        {"mtp.0.hc_head_fn.weight", "mtp.0.hc_head_fn"},
    };
    for (const auto& [gguf, official] : names) {
        CHECK(official_name(gguf) == official);
        CHECK(gguf_name_of(official) == gguf);
    }
    CHECK(official_name("blk.2.ffn_up_exps.weight") == "layers.2.ffn.experts.up_exps");
    CHECK(gguf_name_of("layers.2.ffn.experts.17.w3.weight") == "blk.2.ffn_up_exps.weight");
    CHECK(gguf_name_of("mtp.0.e_proj.weight") == "mtp.0.e_proj.weight");
    CHECK(official_name("mtp.0.attn_norm.weight") == "mtp.0.attn_norm.weight");
    CHECK(official_name("blk.x.attn_q_a.weight") == "blk.x.attn_q_a.weight");
    CHECK(official_name("blk.4.nextn.enorm.weight") == "layers.4.nextn.enorm.weight");
    CHECK(gguf_name_of("layers.3.attn.unknown").empty());
}
