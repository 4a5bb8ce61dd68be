#include "tests/support/tls_client.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace support {
namespace {

void require(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string("tls_client: ") + what);
}

// "h2,http/1.1" as length-prefixed names.
std::string alpn_wire(const std::string& names) {
    std::string wire;
    for (size_t at = 0; at < names.size();) {
        const size_t end = std::min(names.find(',', at), names.size());
        wire.push_back(static_cast<char>(end - at));
        wire.append(names, at, end - at);
        at = end + 1;
    }
    return wire;
}

int protocol_version(int version) {
    if (version == 11) return TLS1_1_VERSION;
    return version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
File open_file(const std::string& path) {
    File file(std::fopen(path.c_str(), "w"), std::fclose);
    require(file != nullptr, "a file cannot be written");
    return file;
}

}  // namespace

TlsClient::TlsClient(RawClient& raw, const Options& options)
    : raw_(raw), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_security_level(context, 0);  // offers what a careful client would not
    if (options.version != 0) {
        const int version = protocol_version(options.version);
        require(SSL_CTX_set_min_proto_version(context, version) == 1, "version");
        require(SSL_CTX_set_max_proto_version(context, version) == 1, "version");
    }
    if (!options.ciphers.empty()) {
        require(SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) == 1, "ciphers");
    }
    const std::string alpn = alpn_wire(options.alpn);
    if (!alpn.empty()) {
        SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned>(alpn.size()));
    }
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(raw.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), raw.descriptor());
    connected_ = SSL_connect(ssl_.get()) == 1;
}

TlsClient::~TlsClient() = default;

std::string TlsClient::protocol() const {
    const unsigned char* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
}

long TlsClient::peer_serial() const {
    X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
    require(certificate != nullptr, "no certificate");
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
}

bool TlsClient::send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
}

bool TlsClient::fill() {
    char bytes[16'384];
    const int n = SSL_read(ssl_.get(), bytes, sizeof bytes);
    if (n <= 0) return false;
    pending_.append(bytes, static_cast<size_t>(n));
    return true;
}

std::string TlsClient::read_until(std::string_view mark) {
    size_t at = 0;
    while ((at = pending_.find(mark)) == std::string::npos) require(fill(), "no mark");
    std::string taken = pending_.substr(0, at + mark.size());
    pending_.erase(0, at + mark.size());
    return taken;
}

std::string TlsClient::read_to_end() {
    while (fill()) {
    }
    return std::exchange(pending_, {});
}

bool TlsClient::ended_properly() const {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void TlsClient::say_goodbye() {
    SSL_shutdown(ssl_.get());
    raw_.end_output();
}

bool TlsClient::renegotiate() {
    return SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1;
}

void write_self_signed(const std::string& certificate_file, const std::string& key_file,
                       long serial) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    require(key != nullptr && certificate != nullptr, "no key");
    X509* const x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3'600 * 24);
    X509_set_pubkey(x509, key.get());
    X509_NAME* const name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    require(X509_sign(x509, key.get(), EVP_sha256()) > 0, "cannot sign");
    require(PEM_write_X509(open_file(certificate_file).get(), x509) == 1, "certificate");
    require(PEM_write_PrivateKey(open_file(key_file).get(), key.get(), nullptr, nullptr, 0, nullptr,
                                 nullptr) == 1,
            "key");
}

}  // namespace support
