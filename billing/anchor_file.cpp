#include "billing/anchor_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace billing {
namespace {

constexpr std::string_view kCheckWord = " check ";
constexpr size_t kCheckBytes = 2 * sizeof(Digest) + 1;  // with the end of the line
constexpr std::string_view kFullStart = "\nweir-anchor 1 full ";
constexpr int64_t kBlockBytes = 64 << 10;
// A line of a million accounts has 60 MB; what is longer was not written by us.
constexpr int64_t kLineBytesMax = 128 << 20;
constexpr int64_t kTailBytesMax = 1 << 30;
constexpr int64_t kMoreBytesMin = 64 << 10;
constexpr int64_t kMoreFactor = 4;

tl::unexpected<Error> unavailable(const std::filesystem::path& file, const char* doing) {
    return tl::unexpected(Error{Errc::ledger_unavailable,
                                file.string() + ": " + doing + ": " + std::strerror(errno)});
}

Digest check_of(Sha256& sha256, const Digest& previous, std::string_view text) {
    std::string image(reinterpret_cast<const char*>(previous.data()), previous.size());
    image += text;
    return sha256({reinterpret_cast<const unsigned char*>(image.data()), image.size()});
}

// A line without its end, held to the check before it, which becomes its own. Else what is wrong.
std::string open_line(Sha256& sha256, std::string_view line, Digest& check, Anchor& anchor) {
    const size_t at = line.rfind(kCheckWord);
    if (at == line.npos) return "has no check";
    const std::string_view text = line.substr(0, at);
    const Digest right = check_of(sha256, check, text);
    if (line.substr(at + kCheckWord.size()) != to_hex(right))
        return "its check is wrong: it or a line before it was changed, moved or left out";
    auto parsed = parse_anchor(text);
    if (!parsed) return "is no anchor that this program knows";
    check = right;
    anchor = std::move(*parsed);
    return "";
}

struct Readable {
    OpenFile file;
    int64_t size;
};

// Nothing, if there is no such file.
Result<std::optional<Readable>> open_to_read(const std::filesystem::path& path) {
    OpenFile file(path, O_RDONLY);
    if (!file.is_open() && errno == ENOENT) return std::optional<Readable>();
    struct stat status {};
    if (!file.is_open() || ::fstat(file.get(), &status) != 0) return unavailable(path, "open");
    if (!S_ISREG(status.st_mode)) {
        return tl::unexpected(Error{Errc::ledger_unavailable, path.string() + ": is not a file"});
    }
    return std::optional<Readable>(Readable{std::move(file), status.st_size});
}

bool read_all(int fd, int64_t at, std::string& into) {
    size_t n_done = 0;
    while (n_done < into.size()) {
        const ssize_t n = ::pread(fd, into.data() + n_done, into.size() - n_done,
                                  at + static_cast<int64_t>(n_done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        n_done += static_cast<size_t>(n);
    }
    return true;
}

bool write_all(int fd, int64_t at, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(n));
        at += n;
    }
    return true;
}

bool sync_folder_of(const std::filesystem::path& file) {
    const OpenFile folder(std::filesystem::absolute(file).parent_path(), O_RDONLY | O_DIRECTORY);
    return folder.is_open() && ::fsync(folder.get()) == 0;
}

// The end of a file from its last full anchor on, and the check before that.
struct Tail {
    std::string bytes;  // whole lines
    int64_t begin = 0;  // in the file
    Digest check{};
};

std::optional<Digest> digest_of(std::string_view hex) {
    Digest digest{};
    for (size_t i = 0; i < digest.size(); ++i) {
        const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
        digest[i] = static_cast<unsigned char>(value(hex[2 * i]) << 4 | value(hex[2 * i + 1]));
    }
    if (to_hex(digest) != hex) return std::nullopt;
    return digest;
}

// Nothing, if more must be read than `window` holds. `offset` is where it lies in the file.
std::optional<Tail> find_tail(const std::string& window, int64_t offset) {
    const size_t end = window.rfind('\n');
    if (end == window.npos) return offset == 0 ? std::optional(Tail{}) : std::nullopt;
    const std::string_view lines = std::string_view(window).substr(0, end + 1);
    const size_t full = lines.rfind(kFullStart);
    if (full == lines.npos) {
        if (offset != 0) return std::nullopt;
        return Tail{std::string(lines), 0, {}};
    }
    const size_t begin = full + 1;
    const bool has_check = begin >= kCheckBytes;
    if (!has_check && offset != 0) return std::nullopt;
    Tail tail{std::string(lines.substr(begin)), offset + static_cast<int64_t>(begin), {}};
    // If it is no digest, the check that is made with it is wrong.
    if (has_check) {
        const auto check = digest_of(lines.substr(begin - kCheckBytes, kCheckBytes - 1));
        if (check) tail.check = *check;
    }
    return tail;
}

}  // namespace

std::filesystem::path anchors_of(const std::filesystem::path& ledger) {
    std::filesystem::path file = ledger;
    file += ".anchors";
    return file;
}

OpenFile::OpenFile(const std::filesystem::path& file, int flags)
    : fd_(::open(file.c_str(), flags | O_CLOEXEC, 0600)) {}

OpenFile::~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
}

Result<std::optional<AnchorReader>> AnchorReader::open(const std::filesystem::path& path) {
    auto opened = open_to_read(path);
    if (!opened) return tl::unexpected(opened.error());
    if (!*opened) return std::optional<AnchorReader>();
    return std::optional<AnchorReader>(
        AnchorReader(path, std::move((*opened)->file), (*opened)->size));
}

std::string AnchorReader::place() const {
    return path_.string() + ", line " + std::to_string(n_lines_);
}

tl::unexpected<Error> AnchorReader::broken(const std::string& what) const {
    return tl::unexpected(Error{Errc::ledger_broken, place() + ": " + what});
}

// False: no whole line is left.
Result<bool> AnchorReader::read_line() {
    for (size_t looked = begin_;;) {
        const size_t end = buffer_.find('\n', looked);
        if (end != buffer_.npos) {
            line_.assign(buffer_, begin_, end - begin_);
            begin_ = end + 1;
            ++n_lines_;
            return true;
        }
        buffer_.erase(0, begin_);
        begin_ = 0;
        looked = buffer_.size();
        if (static_cast<int64_t>(looked) > kLineBytesMax) {
            ++n_lines_;
            return broken("is too long");
        }
        buffer_.resize(looked + static_cast<size_t>(std::min(n_unread_, kBlockBytes)));
        const ssize_t n = ::read(file_.get(), buffer_.data() + looked, buffer_.size() - looked);
        if (n < 0) return unavailable(path_, "read");
        buffer_.resize(looked + static_cast<size_t>(n));
        n_unread_ -= n;
        if (n == 0) return false;  // the end, or cut meanwhile by its owner: a write that failed
    }
}

Result<std::optional<Anchor>> AnchorReader::next() {
    const auto is_line = read_line();
    if (!is_line) return tl::unexpected(is_line.error());
    if (!*is_line) return std::optional<Anchor>();
    Anchor anchor;
    const std::string wrong = open_line(*sha256_, line_, check_, anchor);
    if (!wrong.empty()) return broken(wrong);
    if (n_lines_ == 1 && !anchor.is_full) return broken("the first anchor is not a full one");
    if (anchor.standing.head.seq <= last_seq_)
        return broken("its entry does not come after that of the line before");
    last_seq_ = anchor.standing.head.seq;
    return std::optional<Anchor>(std::move(anchor));
}

Result<std::optional<LastAnchor>> read_last_anchor(const std::filesystem::path& path) {
    const auto opened = open_to_read(path);
    if (!opened) return tl::unexpected(opened.error());
    if (!*opened) return std::optional<LastAnchor>();
    const auto broken = [&](const std::string& what) {
        return tl::unexpected(Error{Errc::ledger_broken, path.string() + ": " + what});
    };
    const int64_t size = (*opened)->size;
    std::optional<Tail> tail;
    for (int64_t n = std::min(size, kBlockBytes); !tail; n = std::min(size, 2 * n)) {
        if (n > kTailBytesMax) return broken("no full anchor where one must be");
        std::string window(static_cast<size_t>(n), '\0');
        if (!read_all((*opened)->file.get(), size - n, window)) return unavailable(path, "read");
        tail = find_tail(window, size - n);
    }
    LastAnchor last;
    last.end.n_bytes = tail->begin;
    last.end.check = tail->check;
    Sha256 sha256;
    for (std::string_view rest = tail->bytes; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        const std::string which = "the anchor at byte " + std::to_string(last.end.n_bytes) + ": ";
        Anchor anchor;
        const std::string wrong = open_line(sha256, line, last.end.check, anchor);
        if (!wrong.empty()) return broken(which + wrong);
        if (last.standing.head.seq == 0 && !anchor.is_full)
            return broken(which + "the first anchor is not a full one");
        if (anchor.standing.head.seq <= last.standing.head.seq)
            return broken(which + "its entry does not come after that of the line before");
        advance(last.standing, anchor);
        const auto n_bytes = static_cast<int64_t>(line.size()) + 1;
        last.end.n_bytes += n_bytes;
        if (anchor.is_full) {
            last.end.n_full_bytes = n_bytes;
            last.end.n_more_bytes = 0;
        } else {
            last.end.n_more_bytes += n_bytes;
        }
    }
    if (last.end.n_bytes == 0) return std::optional<LastAnchor>();
    return std::optional<LastAnchor>(std::move(last));
}

bool AnchorFile::wants_full() const {
    return end_.n_bytes == 0 ||
           end_.n_more_bytes > std::max(kMoreBytesMin, kMoreFactor * end_.n_full_bytes);
}

// Open, with nothing behind the last line's end.
Result<OpenFile> AnchorFile::open_at_end() {
    OpenFile file(path_, O_RDWR | (end_.n_bytes == 0 ? O_CREAT : 0));
    struct stat status {};
    if (!file.is_open() || ::fstat(file.get(), &status) != 0) return unavailable(path_, "open");
    const auto refused = [this](const char* why) {
        return tl::unexpected(Error{Errc::ledger_unavailable, path_.string() + why});
    };
    const int64_t n_behind = status.st_size - end_.n_bytes;
    if (n_behind < 0) return refused(": was cut while the ledger was in use");
    if (n_behind > kLineBytesMax) return refused(": another process has written to it");
    std::string behind(static_cast<size_t>(n_behind), '\0');
    if (!read_all(file.get(), end_.n_bytes, behind)) return unavailable(path_, "read");
    if (behind.find('\n') != behind.npos)
        return refused(": holds lines that this process neither read nor wrote");
    if (::fchmod(file.get(), 0600) != 0 || ::ftruncate(file.get(), end_.n_bytes) != 0)
        return unavailable(path_, "open");
    return file;
}

Result<void> AnchorFile::append(const Anchor& anchor) {
    const std::string text = format(anchor);
    const Digest check = check_of(*sha256_, end_.check, text);
    const std::string line = text + std::string(kCheckWord) + to_hex(check) + "\n";
    const auto n_bytes = static_cast<int64_t>(line.size());
    if (n_bytes > kLineBytesMax) {
        return tl::unexpected(Error{Errc::ledger_unavailable,
                                    path_.string() + ": an anchor is larger than is read again"});
    }
    const auto file = open_at_end();
    if (!file) return tl::unexpected(file.error());
    const bool is_written = write_all(file->get(), end_.n_bytes, line) &&
                            ::fdatasync(file->get()) == 0 &&
                            (end_.n_bytes > 0 || sync_folder_of(path_));
    if (!is_written) {
        const int why = errno;
        const bool is_undone = ::ftruncate(file->get(), end_.n_bytes) == 0;
        errno = why;
        return unavailable(path_, is_undone ? "write" : "write, and cut off again");
    }
    end_.n_bytes += n_bytes;
    end_.check = check;
    if (anchor.is_full) {
        end_.n_full_bytes = n_bytes;
        end_.n_more_bytes = 0;
    } else {
        end_.n_more_bytes += n_bytes;
    }
    return {};
}

}  // namespace billing
