#include <curl/curl.h>
#include <fmt/core.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#ifdef WEIR_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include <CLI/CLI.hpp>
#include <boost/asio/version.hpp>
#include <boost/beast/version.hpp>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#include <simdjson.h>

#include "gateway/cli/command.h"
#include "gateway/telemetry/version.h"

namespace gateway {

namespace {

std::string dotted(int major, int minor, int patch) {
    return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

#ifdef WEIR_JEMALLOC
std::string allocator_version() {
    const char* version = nullptr;
    size_t size = sizeof version;
    return mallctl("version", &version, &size, nullptr, 0) == 0 ? version : "unknown";
}
#endif

nlohmann::ordered_json libraries() {
    return {
        {"boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"asio", dotted(BOOST_ASIO_VERSION / 100000, BOOST_ASIO_VERSION / 100 % 1000,
                        BOOST_ASIO_VERSION % 100)},
        {"beast", std::to_string(BOOST_BEAST_VERSION)},
        {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"curl", curl_version_info(CURLVERSION_NOW)->version},
        {"sqlite", WEIR_SQLITE_VERSION},
        {"simdjson", dotted(simdjson::SIMDJSON_VERSION_MAJOR, simdjson::SIMDJSON_VERSION_MINOR,
                            simdjson::SIMDJSON_VERSION_REVISION)},
        {"nlohmann_json", dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                 NLOHMANN_JSON_VERSION_PATCH)},
        {"yaml_cpp", WEIR_YAML_CPP_VERSION},
        {"prometheus_cpp", WEIR_PROMETHEUS_CPP_VERSION},
        {"spdlog", dotted(SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
        {"fmt", dotted(FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
        {"pcre2", WEIR_PCRE2_VERSION},
        {"zlib", WEIR_ZLIB_VERSION},
        {"cli11", CLI11_VERSION},
        {"date", WEIR_DATE_VERSION},
#ifdef WEIR_JEMALLOC
        {"jemalloc", allocator_version()},
#endif
    };
}

}  // namespace

std::string version_text(bool json) {
    const nlohmann::ordered_json linked = libraries();
    if (json) return nlohmann::ordered_json{{"weir", kVersion}, {"libraries", linked}}.dump(2);
    std::string text = std::string("weir ") + kVersion;
    for (const auto& [name, version] : linked.items())
        text += "\n  " + name + " " + version.get<std::string>();
    return text;
}

}  // namespace gateway
