#include "billing/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "billing/anchor_file.h"
#include "billing/beside.h"
#include "billing/schema.h"

namespace billing {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> cannot(const fs::path& file, const char* doing) {
    return tl::unexpected(Error{Errc::ledger_unavailable, std::string(doing) + " " + file.string() +
                                                              ": " + std::strerror(errno)});
}

// Takes what it made away again, unless it is kept.
class NewFiles {
public:
    ~NewFiles() {
        std::error_code ignored;
        for (const fs::path& file : files_) fs::remove(file, ignored);
    }
    // Made empty, mode 0600, never over an older one.
    Result<void> make(const fs::path& file) {
        const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST) {
            return tl::unexpected(
                Error{Errc::query_invalid, file.string() + " is there already; name another file"});
        }
        if (fd < 0) return cannot(file, "make");
        ::close(fd);
        files_.push_back(file);
        return {};
    }
    void add(const fs::path& file) { files_.push_back(file); }
    void keep() { files_.clear(); }

private:
    std::vector<fs::path> files_;
};

Result<void> sync(const fs::path& path, int flags) {
    const OpenFile file(path, flags);
    if (!file.is_open() || ::fsync(file.get()) != 0) return cannot(path, "sync");
    return {};
}

Result<void> write_file(const fs::path& file, const std::string& bytes) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << bytes;
    out.close();
    if (!out) return cannot(file, "write");
    return sync(file, O_WRONLY);
}

// The first `n_lines` lines.
Result<std::string> head_of(const fs::path& file, int64_t n_lines) {
    std::ifstream in(file, std::ios::binary);
    std::string bytes, line;
    for (int64_t i = 0; i < n_lines; ++i) {
        if (!std::getline(in, line)) return cannot(file, "read");
        bytes += line + "\n";
    }
    return bytes;
}

// The anchors up to the copy's last entry: the owner may have written more meanwhile.
Result<int64_t> copy_anchors(const fs::path& from, const fs::path& to, int64_t seq) {
    auto reader = AnchorReader::open(from);
    if (!reader) return tl::unexpected(reader.error());
    int64_t n_lines = 0;
    while (*reader) {
        const auto anchor = (*reader)->next();
        if (!anchor) return tl::unexpected(anchor.error());
        if (!*anchor || (*anchor)->standing.head.seq > seq) break;
        ++n_lines;
    }
    if (n_lines == 0) return n_lines;
    const auto bytes = head_of(from, n_lines);
    if (!bytes) return tl::unexpected(bytes.error());
    if (auto ok = write_file(to, *bytes); !ok) return tl::unexpected(ok.error());
    return n_lines;
}

Result<void> copy_pepper(const fs::path& from, const fs::path& to) {
    std::ifstream in(from, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (!in) return cannot(from, "read");
    return write_file(to, bytes);
}

// The entries, all of one snapshot, into `to`.
Result<Backup> copy_entries(const fs::path& ledger, const fs::path& to) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) return tl::unexpected(database.error());
    if (auto ok = database->execute("BEGIN"); !ok) return tl::unexpected(ok.error());
    if (auto ok = check_schema(*database); !ok) return tl::unexpected(ok.error());
    if (auto ok = database->copy_to(to); !ok) return tl::unexpected(ok.error());
    Backup backup;
    auto last = database->prepare("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1");
    if (!last) return tl::unexpected(last.error());
    if (last->step() != Statement::Step::row) return backup;
    backup.n_entries = last->integer(0);
    Digest hash{};
    if (last->blob(1).size() != hash.size()) {
        return tl::unexpected(Error{Errc::ledger_broken, "the last entry's hash has another size"});
    }
    std::ranges::copy(last->blob(1), hash.begin());
    backup.head = to_hex(hash);
    return backup;
}

}  // namespace

Result<Backup> back_up(const fs::path& ledger, const fs::path& to) {
    const fs::path pepper = beside(to, ".pepper");
    const fs::path anchors = beside(to, ".anchors");
    const fs::path part = beside(to, ".part");
    std::error_code none;
    if (fs::exists(to, none)) {
        return tl::unexpected(
            Error{Errc::query_invalid, to.string() + " is there already; name another file"});
    }
    NewFiles made;
    for (const fs::path& file : {part, pepper, anchors})
        if (auto ok = made.make(file); !ok) return tl::unexpected(ok.error());
    made.add(beside(part, "-wal"));
    made.add(beside(part, "-shm"));
    auto backup = copy_entries(ledger, part);
    if (!backup) return tl::unexpected(backup.error());
    if (auto ok = copy_pepper(beside(ledger, ".pepper"), pepper); !ok)
        return tl::unexpected(ok.error());
    const auto n_anchors = copy_anchors(anchors_of(ledger), anchors, backup->n_entries);
    if (!n_anchors) return tl::unexpected(n_anchors.error());
    backup->n_anchors = *n_anchors;
    if (auto ok = sync(part, O_RDWR); !ok) return tl::unexpected(ok.error());
    if (::rename(part.c_str(), to.c_str()) != 0) return cannot(to, "rename to");
    made.keep();
    if (*n_anchors == 0) fs::remove(anchors, none);
    const fs::path folder = to.has_parent_path() ? to.parent_path() : fs::path(".");
    if (auto ok = sync(folder, O_RDONLY | O_DIRECTORY); !ok) return tl::unexpected(ok.error());
    return backup;
}

}  // namespace billing
