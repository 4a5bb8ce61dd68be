// Every file of tests/config/broken is refused with exactly what its "# expect" lines say.
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/config/sample.h"

namespace {

std::vector<std::string> expectations(const std::string& text) {
    std::vector<std::string> expected;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        constexpr std::string_view kMark = "# expect ";
        if (!line.starts_with(kMark)) break;
        expected.push_back(line.substr(kMark.size()));
    }
    return expected;
}

}  // namespace

TEST_CASE("broken files: each names line, column, key and cure", "[config]") {
    int n_files = 0;
    const auto folder = std::filesystem::path(WEIR_SOURCE_DIR) / "tests/config/broken";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        CAPTURE(name);
        const std::string text = sample::read("tests/config/broken/" + name);
        const auto expected = expectations(text);
        REQUIRE_FALSE(expected.empty());
        const auto config = config::load(entry.path(), sample::environment());
        REQUIRE_FALSE(config.has_value());
        std::vector<std::string> said;
        for (const auto& refusal : config.error()) {
            CHECK(refusal.file == entry.path().string());
            const std::string whole = to_string(refusal);
            CHECK(whole.starts_with(refusal.file + ":"));
            CHECK(whole.find("canary-of-the") == std::string::npos);
            const size_t after_file = refusal.file.size() + (refusal.line > 0 ? 1 : 2);
            said.push_back(whole.substr(after_file));
        }
        CHECK(said == expected);
        ++n_files;
    }
    CHECK(n_files >= 190);
}
