#pragma once
// A blocking TLS client over a RawClient's socket, for tests of what a server agrees to.
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/raw_http.h"

struct ssl_st;
struct ssl_ctx_st;

namespace support {

class TlsClient {
public:
    struct Options {
        int version = 0;                // 11, 12, 13: this one alone; 0: any
        std::string ciphers = {};       // of TLS 1.2; empty: OpenSSL's own
        std::string alpn = "http/1.1";  // comma-separated; empty: none
    };

    // Handshakes; `raw` outlives this.
    TlsClient(RawClient& raw, const Options& options);
    ~TlsClient();

    bool connected() const { return connected_; }
    std::string protocol() const;  // what ALPN chose
    long peer_serial() const;
    bool send(std::string_view bytes);
    std::string read_until(std::string_view mark);
    std::string read_to_end();
    bool ended_properly() const;  // by close_notify
    void say_goodbye();           // close_notify and FIN
    bool renegotiate();           // asks for it; false: refused

private:
    bool fill();

    RawClient& raw_;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;
    std::string pending_;
    bool connected_ = false;
};

// A P-256 key and a certificate for "localhost" over it, as PEM files.
void write_self_signed(const std::string& certificate_file, const std::string& key_file,
                       long serial);

}  // namespace support
