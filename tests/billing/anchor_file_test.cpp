#include "billing/anchor_file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "tests/billing/fixture.h"

using namespace billing;
using namespace billing::test;
namespace fs = std::filesystem;

namespace {

std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::vector<std::string> lines_of(const std::string& bytes) {
    std::vector<std::string> lines;
    for (size_t at = 0; at < bytes.size();) {
        const size_t end = bytes.find('\n', at) + 1;
        lines.push_back(bytes.substr(at, end - at));
        at = end;
    }
    return lines;
}

// Writes as the ledger's owner does: full anchors when the file wants them, else what changed.
class Author {
public:
    explicit Author(const fs::path& file) : path_(file) { reopen(); }

    void reopen() {
        const auto last = must(read_last_anchor(path_));
        file_.emplace(path_, last ? last->end : AnchorEnd{});
    }
    void write(int64_t n_accounts) {
        Standing changes;
        changes.head.seq = ++standing_.head.seq;
        changes.head.hash[0] = static_cast<unsigned char>(random_());
        changes.at = {static_cast<int64_t>(random_() % 1'000'000)};
        for (int64_t i = 0; i < n_accounts; ++i) {
            const auto id = 1 + static_cast<int64_t>(random_() % 500);
            changes.accounts[id] = {{static_cast<int64_t>(random_() % 1'000'000)}, {}, {}};
        }
        advance(standing_, {false, changes});
        const bool is_full = file_->wants_full();
        n_full_ += is_full;
        must(file_->append(is_full ? Anchor{true, standing_} : Anchor{false, changes}));
    }
    const Standing& standing() const { return standing_; }
    int n_full() const { return n_full_; }

private:
    const fs::path path_;
    std::optional<AnchorFile> file_;
    Standing standing_;
    std::mt19937_64 random_{7};
    int n_full_ = 0;
};

std::string why(const fs::path& file) {
    auto reader = must(AnchorReader::open(file));
    for (;;) {
        const auto next = reader->next();
        if (!next) return next.error().detail;
        if (!*next) return "";
    }
}

}  // namespace

TEST_CASE("anchor file: the last anchor is the sum of all, however many", "[billing]") {
    TempFolder folder;
    const fs::path file = folder.path() / "a";
    CHECK(!must(read_last_anchor(file)));
    CHECK(!must(AnchorReader::open(file)));
    Author author(file);
    for (int i = 0; i < 1'500; ++i) {
        author.write(i % 20);
        if (i % 50 != 0) continue;
        const auto last = must(read_last_anchor(file));
        REQUIRE(last);
        REQUIRE(last->standing.accounts == author.standing().accounts);
        REQUIRE(last->standing.head == author.standing().head);
        REQUIRE(last->end.n_bytes == static_cast<int64_t>(fs::file_size(file)));
        author.reopen();
    }
    CHECK(author.n_full() > 1);
    CHECK(author.n_full() < 100);
    CHECK(why(file) == "");
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("anchor file: a write that was cut anywhere is left out, and written over", "[billing]") {
    TempFolder folder;
    const fs::path file = folder.path() / "a";
    Author author(file);
    for (int i = 0; i < 3; ++i) author.write(3);
    const Standing before = author.standing();
    const std::string whole = bytes_of(file);
    author.write(3);
    const std::string longer = bytes_of(file);
    for (size_t n = whole.size(); n < longer.size(); ++n) {
        put(file, longer.substr(0, n));
        const auto last = must(read_last_anchor(file));
        REQUIRE(last);
        REQUIRE(last->standing.head == before.head);
        REQUIRE(last->standing.accounts == before.accounts);
        REQUIRE(why(file) == "");
        AnchorFile again(file, last->end);
        Anchor anchor{false, before};
        ++anchor.standing.head.seq;
        must(again.append(anchor));
        REQUIRE(why(file) == "");
        REQUIRE(bytes_of(file).starts_with(whole));
    }
    // The first one too.
    for (const std::string& torn : {std::string("w"), std::string(500, '\0'), std::string()}) {
        put(file, torn);
        CHECK(!must(read_last_anchor(file)));
        CHECK(why(file) == "");
    }
}

TEST_CASE("anchor file: any byte that is changed, and any line moved or left out, is named",
          "[billing]") {
    TempFolder folder;
    const fs::path file = folder.path() / "a";
    Author author(file);
    for (int i = 0; i < 5; ++i) author.write(2);
    const std::string right = bytes_of(file);
    const std::vector<std::string> lines = lines_of(right);
    REQUIRE(lines.size() == 5);
    size_t line = 1;
    for (size_t i = 0; i + 1 < right.size(); ++i) {
        std::string wrong = right;
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        put(file, wrong);
        INFO("byte " << i);
        REQUIRE_THAT(why(file),
                     Catch::StartsWith(file.string() + ", line " + std::to_string(line)));
        REQUIRE(!read_last_anchor(file));
        line += right[i] == '\n';
    }
    put(file, lines[0] + lines[2] + lines[1] + lines[3] + lines[4]);
    CHECK_THAT(why(file), Catch::Contains("line 2:"));
    put(file, lines[0] + lines[1] + lines[3] + lines[4]);
    CHECK_THAT(why(file), Catch::Contains("line 3:"));
    put(file, lines[1] + lines[2]);
    CHECK_THAT(why(file), Catch::Contains("line 1:"));
    put(file, right + lines[4]);
    CHECK_THAT(why(file), Catch::Contains("line 6:"));
    put(file, right + "\n");
    CHECK_THAT(why(file), Catch::Contains("line 6: has no check"));
    CHECK(read_last_anchor(file).error().code == Errc::ledger_broken);
}

TEST_CASE("anchor file: lines without order are refused though their checks are right",
          "[billing]") {
    TempFolder folder;
    const fs::path file = folder.path() / "a";
    Standing standing;
    standing.head.seq = 5;
    const bool is_full = GENERATE(true, false);
    AnchorFile writer(file, {});
    must(writer.append({is_full, standing}));
    must(writer.append({false, standing}));
    CHECK_THAT(why(file), Catch::Contains(is_full ? "does not come after" : "not a full one"));
    CHECK(read_last_anchor(file).error().code == Errc::ledger_broken);
}

TEST_CASE("anchor file: what cannot be opened is an error, and nothing of others is written over",
          "[billing]") {
    TempFolder folder;
    const fs::path file = folder.path() / "a";
    fs::create_directory(file);
    CHECK(read_last_anchor(file).error().code == Errc::ledger_unavailable);
    Standing standing;
    standing.head.seq = 1;
    CHECK(!AnchorFile(file, {}).append({true, standing}));
    fs::remove(file);

    AnchorFile one(file, {}), other(file, {});
    must(one.append({true, standing}));
    const std::string bytes = bytes_of(file);
    CHECK_THAT(other.append({true, standing}).error().detail, Catch::Contains("neither read"));
    CHECK(bytes_of(file) == bytes);
    put(file, "");
    standing.head.seq = 2;
    CHECK_THAT(one.append({false, standing}).error().detail, Catch::Contains("was cut"));
    fs::remove(file);
    CHECK(!one.append({false, standing}));
    CHECK(!fs::exists(file));
    put(file, bytes);
    must(one.append({false, standing}));
    CHECK(why(file) == "");
}
