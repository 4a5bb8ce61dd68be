#pragma once
// <ledger>.anchors: anchors, one a line, only ever added to. Each line ends in a check, the SHA-256
// of the check before it and of the line's own text, so that no line can be edited, moved or left
// out by itself. Bytes behind the last end of a line are a write that a crash cut short: nobody
// reads them, and the next write takes their place. Who may write the file can make a new one that
// is right in itself: whether it belongs to the ledger, the entries tell, and the heads in the log.
#include <filesystem>
#include <memory>
#include <utility>

#include "billing/anchor.h"
#include "billing/error.h"

namespace billing {

std::filesystem::path anchors_of(const std::filesystem::path& ledger);

// What to do about a ledger and anchors that do not belong together, for people.
inline constexpr const char* kAnchorsCure =
    "; put back the files that belong together or, if the ledger is right, move the anchors away, "
    "check it with: weir ledger verify, and start again";

// A file descriptor, closed by its owner.
class OpenFile {
public:
    OpenFile(const std::filesystem::path& file, int flags);
    OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OpenFile& operator=(OpenFile&&) = delete;
    ~OpenFile();
    bool is_open() const { return fd_ >= 0; }
    int get() const { return fd_; }

private:
    int fd_;
};

// All anchors from the first on, as they are when it opens. One thread.
class AnchorReader {
public:
    // Nothing, if there is no such file. Errors: ledger_unavailable.
    static Result<std::optional<AnchorReader>> open(const std::filesystem::path& file);

    // The next anchor, or nothing at the end. The first is full, each has a higher seq than the one
    // before. Errors: ledger_broken, "<file>, line 5: ..."; ledger_unavailable.
    Result<std::optional<Anchor>> next();
    int64_t n_lines() const { return n_lines_; }
    // Of the line that next() gave: "<file>, line 5".
    std::string place() const;

private:
    AnchorReader(std::filesystem::path path, OpenFile file, int64_t size)
        : path_(std::move(path)), file_(std::move(file)), n_unread_(size) {}
    Result<bool> read_line();
    tl::unexpected<Error> broken(const std::string& what) const;

    std::filesystem::path path_;
    OpenFile file_;
    int64_t n_unread_;
    std::string buffer_, line_;
    size_t begin_ = 0;
    int64_t n_lines_ = 0;
    int64_t last_seq_ = 0;
    Digest check_{};
    std::unique_ptr<Sha256> sha256_ = std::make_unique<Sha256>();
};

// Where the next anchor goes.
struct AnchorEnd {
    int64_t n_bytes = 0;  // up to the end of the last line
    Digest check{};
    int64_t n_full_bytes = 0, n_more_bytes = 0;  // of the last full anchor, and of those behind it
};

struct LastAnchor {
    Standing standing;
    AnchorEnd end;
};

// What the last anchor and those before it say, back to the last full one: no more than that is
// read. Nothing, if there is no file or no whole line. Errors: as AnchorReader::next.
Result<std::optional<LastAnchor>> read_last_anchor(const std::filesystem::path& file);

// The owner's end of the file. One thread.
class AnchorFile {
public:
    AnchorFile(std::filesystem::path path, const AnchorEnd& end)
        : path_(std::move(path)), end_(end) {}

    // The anchors since the last full one are longer than reading them again should take.
    bool wants_full() const;
    // On disk when it returns; the file is made (mode 0600) with the first one. After an error the
    // last line's end is where it was, and the next call tries again. Errors: ledger_unavailable.
    Result<void> append(const Anchor& anchor);

private:
    Result<OpenFile> open_at_end();

    const std::filesystem::path path_;
    AnchorEnd end_;
    std::unique_ptr<Sha256> sha256_ = std::make_unique<Sha256>();
};

}  // namespace billing
