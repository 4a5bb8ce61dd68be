#include "gateway/server/tls_context.h"

#include <openssl/ssl.h>

namespace gateway {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr unsigned char kProtocols[] = "\x08http/1.1";

int choose_protocol(SSL*, const unsigned char** out, unsigned char* n_out,
                    const unsigned char* offered, unsigned int n_offered, void*) {
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, n_out, kProtocols, sizeof kProtocols - 1, offered,
                              n_offered) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool restrict(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    return SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_ciphersuites(context,
                                    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                    "TLS_CHACHA20_POLY1305_SHA256") == 1;
}

tl::unexpected<std::string> failure(const char* what, const std::string& file,
                                    const error_code& error) {
    return tl::unexpected(std::string("tls: ") + what + " " + file + ": " + error.message());
}

}  // namespace

tl::expected<std::shared_ptr<ssl::context>, std::string> make_tls_context(const config::Tls& tls) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    if (!restrict(context->native_handle())) {
        return tl::unexpected(std::string("tls: OpenSSL offers none of the suites that we allow"));
    }
    error_code error;
    context->use_certificate_chain_file(tls.certificate, error);
    if (error) return failure("certificate", tls.certificate, error);
    context->use_private_key_file(tls.private_key, ssl::context::pem, error);
    if (error) return failure("private key", tls.private_key, error);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
        return tl::unexpected("tls: private key " + tls.private_key + " does not belong to " +
                              tls.certificate);
    }
    return context;
}

}  // namespace gateway
