#pragma once
// What a request sees of the configuration: taken once, kept to its end, never changed.
#include <memory>
#include <vector>

#include "config/config.h"
#include "engine/engine.h"
#include "gateway/telemetry/metrics.h"

namespace gateway {

struct Snapshot {
    std::shared_ptr<const config::Config> config;
    std::vector<engine::Engine*>
        engines;  // by index of config->engines; they outlive every snapshot
    std::unique_ptr<MetricChildren> metrics;
};

}  // namespace gateway
