// The half of curl_multi.h that belongs to one transfer.
#include "gateway/upstream/curl_multi.h"

namespace gateway {

CurlTransfer::CurlTransfer(CurlMulti& multi, TransferRequest request, TransferSink& sink)
    : ListedTransfer(sink), multi_(multi), request_(std::move(request)), easy_(multi.take_easy()) {
    curl_slist* headers = request_.headers->get();
    if (!request_.own_header.empty()) {
        // libcurl only reads the list: one node of ours in front of the shared rest.
        own_header_.data = const_cast<char*>(request_.own_header.c_str());
        own_header_.next = headers;
        headers = &own_header_;
    }
    curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    if (request_.passage) go_by(*request_.passage);
}

void CurlTransfer::go_by(const Passage& passage) {
    const auto set = [this](CURLoption option, const std::string& text) {
        if (!text.empty()) curl_easy_setopt(easy_, option, text.c_str());
    };
    set(CURLOPT_PROXY, passage.proxy);
    set(CURLOPT_CAINFO, passage.tls.ca_file);
    if (!passage.tls.ca_file.empty())
        curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);  // it stands instead of the system's
    set(CURLOPT_SSLCERT, passage.tls.certificate);
    set(CURLOPT_SSLKEY, passage.tls.private_key);
}

CurlTransfer::~CurlTransfer() {
    if (started_) multi_.remove(*this);
    // What a passage has set is for nobody else.
    if (request_.passage)
        curl_easy_cleanup(easy_);
    else
        multi_.give_back(easy_);
}

void CurlTransfer::start() {
    started_ = true;
    multi_.add(*this);
}

int CurlTransfer::status() const {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
}

std::string CurlTransfer::content_type() const {
    const char* type = nullptr;
    curl_easy_getinfo(easy_, CURLINFO_CONTENT_TYPE, &type);
    return type ? type : "";
}

std::string CurlTransfer::header(const char* name) const {
    curl_header* found = nullptr;
    if (curl_easy_header(easy_, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
    return found->value;
}

void CurlTransfer::unpause() {
    if (finished_) return;
    // Calls the sink with what was kept back; a refusal of it is told here alone.
    const CURLcode code = curl_easy_pause(easy_, CURLPAUSE_CONT);
    if (code != CURLE_OK) multi_.end(*this, code);
    multi_.drive();
    multi_.transfers_.deliver_soon();
}

void CurlTransfer::deadline_moved() {
    multi_.transfers_.deadline_moved(sink_->deadline());
}

}  // namespace gateway
