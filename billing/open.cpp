#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "billing/beside.h"
#include "billing/ledger_billing.h"
#include "billing/restore.h"

namespace billing {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> unavailable(const fs::path& file) {
    return tl::unexpected(
        Error{Errc::ledger_unavailable, file.string() + ": " + std::strerror(errno)});
}

// SQLite gives its log the mode of the file. No descriptor of ours may be closed later while SQLite
// has the file open in this process: POSIX would drop its locks.
Result<void> make_private_file(const fs::path& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ::close(fd);
    } else if (errno != EEXIST || ::chmod(file.c_str(), 0600) != 0) {
        return unavailable(file);
    }
    return {};
}

Result<Pepper> find_pepper(const fs::path& ledger) {
    const fs::path file = beside(ledger, ".pepper");
    std::error_code failed;
    if (fs::exists(file, failed)) return read_pepper(file);
    const auto size = fs::file_size(ledger, failed);
    if (!failed && size > 0) {
        auto database = Database::open(ledger, Database::Mode::read_only);
        if (!database) return tl::unexpected(database.error());
        const auto version = schema_version(*database);
        if (!version) return tl::unexpected(version.error());
        return tl::unexpected(
            Error{Errc::ledger_unavailable,
                  "pepper " + file.string() +
                      " is missing; put back the one that was made with this ledger"});
    }
    return create_pepper(file);
}

tl::unexpected<Error> with_cure(Error error) {
    if (error.code == Errc::ledger_broken) error.detail += kAnchorsCure;
    return tl::unexpected(std::move(error));
}

// An empty file is made into a new ledger, which no anchor can be of.
Result<std::optional<LastAnchor>> find_anchor(const fs::path& ledger) {
    auto last = read_last_anchor(anchors_of(ledger));
    if (!last) return with_cure(last.error());
    std::error_code none;
    if (*last && (!fs::exists(ledger, none) || fs::file_size(ledger, none) == 0)) {
        return with_cure(Error{Errc::ledger_broken, ledger.string() +
                                                        " is missing or empty, its anchors are "
                                                        "not"});
    }
    return last;
}

}  // namespace

Result<std::unique_ptr<Billing>> Billing::open(const Options& options) {
    auto billing = LedgerBilling::open(options);
    if (!billing) return tl::unexpected(billing.error());
    return std::unique_ptr<Billing>(std::move(*billing));
}

Result<std::unique_ptr<LedgerBilling>> LedgerBilling::open(const Options& options) {
    auto lock = FileLock::take(beside(options.path, ".lock"));
    if (!lock) return tl::unexpected(lock.error());
    const auto last = find_anchor(options.path);
    if (!last) return tl::unexpected(last.error());
    const auto pepper = find_pepper(options.path);
    if (!pepper) return tl::unexpected(pepper.error());
    if (auto ok = make_private_file(options.path); !ok) return tl::unexpected(ok.error());
    const LedgerWriter::Target target{options.path, pepper_check(*pepper)};
    auto file = LedgerFile::open(target.path, target.pepper_check);
    if (!file) return tl::unexpected(file.error());
    Database& database = (*file)->database();
    const auto stored_check = read_pepper_check(database);
    if (!stored_check) return tl::unexpected(stored_check.error());
    if (*stored_check != target.pepper_check) {
        return tl::unexpected(Error{Errc::ledger_unavailable,
                                    "pepper " + beside(options.path, ".pepper").string() +
                                        " belongs to another ledger; put back the right one"});
    }
    std::unique_ptr<LedgerBilling> billing(new LedgerBilling(std::move(*lock), *pepper, options));
    std::optional<Standing> anchored;
    if (*last) anchored = (*last)->standing;
    if (auto ok = billing->answers_.count(database); !ok) return tl::unexpected(ok.error());
    const auto head = restore(database, anchored, billing->desk_.book, billing->keys_);
    if (!head) return tl::unexpected(head.error());
    const auto ended = billing->end_left_open(**file, *head);
    if (!ended) return tl::unexpected(ended.error());
    if (anchored) {
        billing->desk_.anchor = {
            anchored->head.seq, to_hex(anchored->head.hash), anchored->at, 0, {}};
    }
    Anchoring anchoring({anchors_of(options.path), *last ? (*last)->end : AnchorEnd{}},
                        {billing->desk_.book, billing->keys_}, anchored, options.anchor_interval);
    billing->writer_ = std::make_unique<LedgerWriter>(
        billing->desk_, target, std::move(*file), *ended, std::move(anchoring),
        LedgerWriter::Listeners{options.on_commit, options.on_anchor,
                                [keys = &billing->keys_] { return keys->take_uses(); }});
    billing->rollups_ = std::make_unique<RollupBuilder>(
        options.path, options.rollup_pace,
        [owner = billing.get()](Rollup rollup) { return owner->store(std::move(rollup)); },
        options.on_rollup_failed);
    return billing;
}

}  // namespace billing
