#pragma once
#include <string>

namespace gateway {

// RFC 4180; a cell that a spreadsheet would run as a formula is led by an apostrophe.
std::string csv_cell(const std::string& text);

}  // namespace gateway
