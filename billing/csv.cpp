#include "billing/csv.h"

namespace billing {

CsvReader::CsvReader(std::string_view text) : text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
    const std::string_view head = text_.substr(0, text_.find('\n'));
    if (head.find(',') == head.npos && head.find('\t') != head.npos) separator_ = '\t';
}

Result<std::optional<CsvReader::Row>> CsvReader::next() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) {
        line_ += text_[at_] == '\n' ? 1 : 0;
        ++at_;
    }
    if (at_ == text_.size()) return std::optional<Row>();
    Row row;
    row.line = line_;
    for (bool more = true; more;) {
        const auto read = read_cell(row.cells.emplace_back());
        if (!read) return tl::unexpected(read.error());
        more = *read;
    }
    return std::optional<Row>(std::move(row));
}

Result<bool> CsvReader::read_cell(std::string& cell) {
    if (at_ < text_.size() && text_[at_] == '"') return read_quoted(cell);
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') ++at_;
    size_t end = at_;
    if (end > begin && text_[end - 1] == '\r') --end;
    cell.assign(text_.substr(begin, end - begin));
    return end_cell();
}

Result<bool> CsvReader::read_quoted(std::string& cell) {
    const int64_t begun = line_;
    for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] == '\n') ++line_;
        if (text_[at_] != '"') {
            cell += text_[at_];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
            cell += '"';
            ++at_;
        } else {
            break;
        }
    }
    if (at_ == text_.size()) {
        return tl::unexpected(Error{
            Errc::query_invalid, "line " + std::to_string(begun) + ": a quoted cell has no end"});
    }
    ++at_;
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') {
        return tl::unexpected(Error{Errc::query_invalid, "line " + std::to_string(line_) +
                                                             ": something follows a quoted cell"});
    }
    return end_cell();
}

bool CsvReader::end_cell() {
    if (at_ == text_.size()) return false;
    const bool more = text_[at_++] == separator_;
    if (!more) ++line_;
    return more;
}

}  // namespace billing
