#pragma once
// Families whose values stand elsewhere and are only read when somebody scrapes.
#include <prometheus/metric_family.h>

#include <vector>

#include "gateway/telemetry/metrics.h"

namespace gateway {

// The ledger's, the connections' and the engines' figures.
void append_scraped(std::vector<prometheus::MetricFamily>& families, const MetricSources& sources);

// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, as the Prometheus client libraries name them; from /proc/self.
void append_process(std::vector<prometheus::MetricFamily>& families);

}  // namespace gateway
