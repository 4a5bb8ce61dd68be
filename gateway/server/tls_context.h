#pragma once
// How we speak TLS: 1.2 and 1.3, AEAD suites with forward secrecy only, no renegotiation, no
// compression, no session tickets (none to rotate, none to steal), ALPN http/1.1.
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "config/config.h"

namespace gateway {

// Reads certificate chain and key. Errors: one line that names the file.
tl::expected<std::shared_ptr<boost::asio::ssl::context>, std::string> make_tls_context(
    const config::Tls& tls);

}  // namespace gateway
