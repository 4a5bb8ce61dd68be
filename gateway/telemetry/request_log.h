#pragma once
// One line per request, JSON or text: ids, names, tokens, money, stage times. Never a key, prompt
// or answer.
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "gateway/telemetry/metrics.h"

namespace gateway {

class RequestLog {
public:
    // Writes to standard error, in the config's format; a line below the config's level is left
    // out.
    static std::unique_ptr<RequestLog> create(const config::Log& log);
    // The same lines to `out`, which outlives the log.
    static std::unique_ptr<RequestLog> create(const config::Log& log, std::ostream& out);
    virtual ~RequestLog() = default;
    virtual void request(const RequestRecord& record, const config::Config& config) = 0;
    virtual void info(std::string_view event, std::string_view text) = 0;
    virtual void warn(std::string_view event, std::string_view text) = 0;
    virtual void reconfigure(const config::Log& log) = 0;  // after a reload
};

}  // namespace gateway
