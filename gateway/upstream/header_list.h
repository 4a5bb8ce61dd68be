#pragma once
// Request headers in the form that libcurl takes: built once, then only read.
#include <curl/curl.h>

#include <new>
#include <string>

namespace gateway {

class HeaderList {
public:
    HeaderList() = default;
    ~HeaderList() { curl_slist_free_all(head_); }
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;

    // "name: value", or "name:" to keep libcurl from sending its own.
    void add(const std::string& header) {
        curl_slist* const longer = curl_slist_append(head_, header.c_str());
        if (!longer) throw std::bad_alloc();
        head_ = longer;
    }
    curl_slist* get() const { return head_; }

private:
    curl_slist* head_ = nullptr;
};

}  // namespace gateway
