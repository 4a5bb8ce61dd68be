#pragma once
// One line per request, JSON or text: ids, names, tokens, money, stage times. Never a key, prompt
// or answer.
#include <boost/asio/io_context.hpp>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "gateway/telemetry/metrics.h"

namespace gateway {

// Any thread. Lines stand in the order in which they were told. Outlives the io threads' handlers.
class RequestLog {
public:
    // Writes to standard error, in the config's format; a line below the config's level is left
    // out.
    static std::unique_ptr<RequestLog> create(const config::Log& log);
    // The same lines to `out`, which outlives the log.
    static std::unique_ptr<RequestLog> create(const config::Log& log, std::ostream& out);
    virtual ~RequestLog() = default;
    // Written at once, or, with a `turn`, together with the other lines of that io thread's turn: a
    // write each is a thirtieth of what a short request costs.
    virtual void request(const RequestRecord& record, const config::Config& config,
                         boost::asio::io_context* turn) = 0;
    virtual void info(std::string_view event, std::string_view text) = 0;
    virtual void warn(std::string_view event, std::string_view text) = 0;
    virtual void reconfigure(const config::Log& log) = 0;  // after a reload
};

}  // namespace gateway
