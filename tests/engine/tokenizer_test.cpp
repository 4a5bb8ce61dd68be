#include "engine/tokenizer/tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "engine/tokenizer/utf8.h"
#include "tests/engine/text_fixture.h"

using namespace engine;
using nlohmann::json;

namespace {

std::vector<std::string> pieces_of(const std::string& text) {
    const auto file = parse_tokenizer_json(read_data("tokenizer.json"));
    REQUIRE(file);
    const auto pretokenizer = Pretokenizer::compile(file->splits);
    REQUIRE(pretokenizer);
    std::vector<std::string> pieces;
    REQUIRE(pretokenizer->split(text, [&](std::string_view piece) {
        pieces.emplace_back(piece);
        return true;
    }));
    return pieces;
}

using Pieces = std::vector<std::string>;

std::vector<std::string> added_contents() {
    std::vector<std::string> contents;
    for (int32_t id = 0; id < small_tokenizer().n_ids(); ++id) {
        if (small_tokenizer().is_added(id)) contents.emplace_back(small_tokenizer().bytes(id));
    }
    return contents;
}

// Text that a client with bad intentions, or an odd language, might send.
std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> controls = added_contents();
    static const std::vector<std::string> parts = {
        "the weir", " holds ", "123",   "\n\n", " ",  "é",      "e\u0301", "河水",
        "😀",        "<",       "｜",    ">",    "</", "think",  "▁",       "\t",
        "٣",        "\u3000",  "don't", "\x01", "ไท", "｜DSML", "<｜User", "User｜>"};
    std::string text;
    const size_t n = random() % 20;
    for (size_t i = 0; i < n; ++i) {
        const auto& pool = random() % 3 == 0 ? controls : parts;
        text += pool[random() % pool.size()];
    }
    return text;
}

// The refusal of a file that is the small one with a change.
Error refusal_of(const std::function<void(json&)>& change) {
    json file = json::parse(read_data("tokenizer.json"));
    change(file);
    const auto tokenizer = Tokenizer::parse(file.dump());
    REQUIRE_FALSE(tokenizer);
    CHECK_FALSE(tokenizer.error().detail.empty());
    CHECK(tokenizer.error().detail.find('\n') == std::string::npos);
    return tokenizer.error();
}

}  // namespace

TEST_CASE("tokenizer: equals the reference on its vectors", "[engine]") {
    const json rows = json::parse(read_data("tokenizer_vectors.json"));
    REQUIRE(rows.size() > 200);
    for (const json& row : rows) {
        CAPTURE(row[0]);
        CHECK(encode(row[0].get<std::string>()) == row[1].get<std::vector<int32_t>>());
    }
}

TEST_CASE("pretokenizer: the documented splits", "[engine]") {
    CHECK(pieces_of("Hello! 毕老师！1 + 1 = 2") ==
          Pieces{"Hello", "!", " ", "毕老师", "！", "1", " +", " ", "1", " =", " ", "2"});
    CHECK(pieces_of("x = 12345678;\n") == Pieces{"x", " =", " ", "123", "456", "78", ";\n"});
    CHECK(pieces_of("    int a;\n\n  b") == Pieces{"   ", " int", " a", ";\n\n", " ", " b"});
    CHECK(pieces_of("a  1  b") == Pieces{"a", "  ", "1", " ", " b"});
    CHECK(pieces_of("foo_bar(baz)") == Pieces{"foo", "_bar", "(baz", ")"});
    CHECK(pieces_of("don't") == Pieces{"don", "'t"});
    CHECK(pieces_of("“quoted” — dash…") == Pieces{"“", "quoted", "”", " —", " dash", "…"});
    CHECK(pieces_of("日本語テスト한국어") == Pieces{"日本語テスト", "한국어"});
    CHECK(pieces_of("\t\tif x:\n") == Pieces{"\t", "\tif", " x", ":\n"});
    CHECK(pieces_of("①２Ⅳ x²") == Pieces{"①２Ⅳ", " x", "²"});
    CHECK(pieces_of("C++\r\nnext") == Pieces{"C", "++\r\n", "next"});
    CHECK(pieces_of("  \n  \n x") == Pieces{"  \n  \n", " x"});
    CHECK(pieces_of("").empty());
}

TEST_CASE("tokenizer: text never becomes a control token, and comes back", "[engine]") {
    std::mt19937 random(7);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = random_text(random);
        CAPTURE(text);
        const std::vector<int32_t> tokens = encode(text);
        CHECK(std::none_of(tokens.begin(), tokens.end(),
                           [](int32_t id) { return small_tokenizer().is_added(id); }));
        CHECK(decode(tokens) == text);
    }
}

TEST_CASE("tokenizer: added tokens are found by their exact content only", "[engine]") {
    CHECK(small_tokenizer().token_id("<｜begin▁of▁sentence｜>") == 0);
    CHECK(small_tokenizer().token_id("<think>").has_value());
    CHECK_FALSE(small_tokenizer().token_id("<think").has_value());
    CHECK_FALSE(small_tokenizer().token_id("the").has_value());
}

TEST_CASE("tokenizer: stops at the limit of tokens", "[engine]") {
    std::vector<int32_t> tokens = {1, 2};
    const std::string text = "! ! ! ! !";
    const size_t n = encode(text).size();
    CHECK(small_tokenizer().encode_text(text, n + 2, tokens));
    CHECK(tokens.size() == n + 2);
    tokens = {1, 2};
    const auto refused = small_tokenizer().encode_text(std::string(1 << 20, '!'), 10, tokens);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::context_exceeded);
}

TEST_CASE("tokenizer: bytes that are not UTF-8 count as U+FFFD", "[engine]") {
    CHECK(encode("a\x80z") == encode("a\uFFFDz"));
    CHECK(encode("a\xF0\x9F\x98") == encode("a\uFFFD"));
    CHECK(encode("\xED\xA0\x80") == encode("\uFFFD\uFFFD\uFFFD"));
}

TEST_CASE("tokenizer: long pieces stay fast and come back", "[engine]") {
    for (const std::string unit : {"a", " ", "th", "é"}) {
        std::string text;
        while (text.size() < 300'000) text += unit;
        CHECK(decode(encode(text)) == text);
    }
}

TEST_CASE("tokenizer.json: broken files are refused in one line", "[engine]") {
    const auto model = [](json& file) -> json& { return file["model"]; };
    const auto split = [](json& file) -> json& {
        return file["pre_tokenizer"]["pretokenizers"][0];
    };
    const std::vector<std::pair<const char*, std::function<void(json&)>>> broken = {
        {"no model", [](json& f) { f.erase("model"); }},
        {"model no object", [](json& f) { f["model"] = 3; }},
        {"no vocab", [&](json& f) { model(f).erase("vocab"); }},
        {"vocab an array", [&](json& f) { model(f)["vocab"] = json::array(); }},
        {"negative id", [&](json& f) { model(f)["vocab"]["a"] = -1; }},
        {"huge id", [&](json& f) { model(f)["vocab"]["a"] = uint64_t{1} << 63; }},
        {"id beyond", [&](json& f) { model(f)["vocab"]["a"] = kTokenIdsMax; }},
        {"float id", [&](json& f) { model(f)["vocab"]["a"] = 1.5; }},
        {"string id", [&](json& f) { model(f)["vocab"]["a"] = "7"; }},
        {"id twice", [&](json& f) { model(f)["vocab"]["a"] = model(f)["vocab"]["b"]; }},
        {"a byte missing", [&](json& f) { model(f)["vocab"].erase("a"); }},
        {"empty token", [&](json& f) { model(f)["vocab"][""] = 5000; }},
        {"outside alphabet", [&](json& f) { model(f)["vocab"]["a b"] = 5000; }},
        {"cjk in vocab", [&](json& f) { model(f)["vocab"]["河"] = 5000; }},
        {"no merges", [&](json& f) { model(f).erase("merges"); }},
        {"merge no pair", [&](json& f) { model(f)["merges"][0] = "ab"; }},
        {"merge a number", [&](json& f) { model(f)["merges"][0] = 3; }},
        {"merge of three",
         [&](json& f) {
             model(f)["merges"][0] = json::array({"a", "b", "c"});
         }},
        {"merge unknown", [&](json& f) { model(f)["merges"].push_back("zzz q"); }},
        {"merge to unknown", [&](json& f) { model(f)["merges"].push_back("~ ~"); }},
        {"merge twice", [&](json& f) { model(f)["merges"].push_back(model(f)["merges"][0]); }},
        {"added no array", [](json& f) { f["added_tokens"] = 1; }},
        {"added twice", [](json& f) { f["added_tokens"].push_back(f["added_tokens"][0]); }},
        {"added id taken",
         [](json& f) {
             f["added_tokens"].push_back({{"id", 10}, {"content", "x!"}});
         }},
        {"added empty",
         [](json& f) {
             f["added_tokens"].push_back({{"id", 900}, {"content", ""}});
         }},
        {"added no id",
         [](json& f) {
             f["added_tokens"].push_back({{"content", "x!"}});
         }},
        {"added is a byte",
         [](json& f) {
             f["added_tokens"].push_back({{"id", 900}, {"content", "a"}});
         }},
        {"no splits", [](json& f) { f["pre_tokenizer"]["pretokenizers"] = json::array(); }},
        {"no pre_tokenizer", [](json& f) { f.erase("pre_tokenizer"); }},
        {"regex broken", [&](json& f) { split(f)["pattern"]["Regex"] = "(a"; }},
        {"regex a number", [&](json& f) { split(f)["pattern"]["Regex"] = 1; }},
        {"regex splits bytes", [&](json& f) { split(f)["pattern"]["Regex"] = "\\C"; }},
        {"regex long", [&](json& f) { split(f)["pattern"]["Regex"] = std::string(20'000, 'a'); }},
    };
    for (const auto& [name, change] : broken) {
        CAPTURE(name);
        CHECK(refusal_of(change).code == Errc::file_broken);
    }
}

TEST_CASE("tokenizer.json: what this engine does not do is refused, not ignored", "[engine]") {
    const auto split = [](json& file) -> json& {
        return file["pre_tokenizer"]["pretokenizers"][0];
    };
    const std::vector<std::pair<const char*, std::function<void(json&)>>> unsupported = {
        {"unigram", [](json& f) { f["model"]["type"] = "Unigram"; }},
        {"dropout", [](json& f) { f["model"]["dropout"] = 0.1; }},
        {"unk", [](json& f) { f["model"]["unk_token"] = "?"; }},
        {"prefix", [](json& f) { f["model"]["continuing_subword_prefix"] = "##"; }},
        {"byte fallback", [](json& f) { f["model"]["byte_fallback"] = true; }},
        {"ignore merges", [](json& f) { f["model"]["ignore_merges"] = true; }},
        {"truncation",
         [](json& f) {
             f["truncation"] = {{"max_length", 4}};
         }},
        {"normalizer",
         [](json& f) {
             f["normalizer"] = {{"type", "NFC"}, {"normalizers", json::array()}};
         }},
        {"post processor",
         [](json& f) {
             f["post_processor"] = {{"type", "TemplateProcessing"}};
         }},
        {"merged split", [&](json& f) { split(f)["behavior"] = "Removed"; }},
        {"inverted split", [&](json& f) { split(f)["invert"] = true; }},
        {"digits step", [&](json& f) { split(f)["type"] = "Digits"; }},
        {"gpt-2 regex",
         [](json& f) { f["pre_tokenizer"]["pretokenizers"][3]["use_regex"] = true; }},
        {"prefix space",
         [](json& f) { f["pre_tokenizer"]["pretokenizers"][3]["add_prefix_space"] = true; }},
    };
    for (const auto& [name, change] : unsupported) {
        CAPTURE(name);
        CHECK(refusal_of(change).code == Errc::unsupported);
    }
}

TEST_CASE("tokenizer.json: text that is not one strict document is refused", "[engine]") {
    const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[]"), std::string("{} {}"), deep,
          std::string("{\"model\":{},\"model\":{}}"), std::string("{\"a\":\"\x80\"}")}) {
        CAPTURE(text.substr(0, 40));
        const auto tokenizer = Tokenizer::parse(text);
        REQUIRE_FALSE(tokenizer);
        CHECK(tokenizer.error().code == Errc::file_broken);
    }
    const auto missing = Tokenizer::open(data_path("none.json"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::file_missing);
}

TEST_CASE("pretokenizer: an expression that backtracks without end gives up", "[engine]") {
    const auto pretokenizer = Pretokenizer::compile({"((a+)+)+[0-9]"});
    REQUIRE(pretokenizer);
    const auto split =
        pretokenizer->split(std::string(64, 'a') + "!", [](std::string_view) { return true; });
    REQUIRE_FALSE(split);
    CHECK(split.error().code == Errc::prompt_invalid);
}
