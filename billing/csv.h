#pragma once
// Reads CSV as RFC 4180 has it: commas, quoted cells, doubled quotes; CRLF or LF; a byte order mark
// is skipped. Also with tabs, if the first line has tabs and no commas.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "billing/error.h"

namespace billing {

class CsvReader {
public:
    // `text` outlives the reader.
    explicit CsvReader(std::string_view text);

    struct Row {
        int64_t line = 0;  // of the file, from 1, where the row begins
        std::vector<std::string> cells;
    };
    // Blank lines are skipped; nothing at the end. Errors: query_invalid, with the line.
    Result<std::optional<Row>> next();

private:
    // Reads one cell; the separator or the line's end is taken with it. False: the row is over.
    Result<bool> read_cell(std::string& cell);
    Result<bool> read_quoted(std::string& cell);
    bool end_cell();

    std::string_view text_;
    char separator_ = ',';
    size_t at_ = 0;
    int64_t line_ = 1;
};

}  // namespace billing
