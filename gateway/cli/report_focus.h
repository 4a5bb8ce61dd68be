#pragma once
// The report in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification
// (focus.finops.org): its mandatory columns, those that validators of 1.0 want beside them, and
// ours with the prefix x_. Costs are what clients are charged.
#include <string>
#include <vector>

#include "billing/report.h"

namespace gateway {

// What the report must be grouped by.
std::vector<std::string> focus_columns();

// Prints the rows of such a report as CSV, days by the clock of `zone`; returns the exit code. A
// refund is a row of its own, a Credit.
int print_focus(const std::vector<billing::ReportRow>& rows, const std::string& zone);

}  // namespace gateway
