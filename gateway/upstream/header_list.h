#pragma once
// Request headers in the forms that the engines take: built once, then only read.
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
        if (header.back() != ':') lines_.append(header).append("\r\n");
    }
    curl_slist* get() const { return head_; }
    // The same as they stand in a request, each with its line end.
    const std::string& lines() const { return lines_; }

private:
    curl_slist* head_ = nullptr;
    std::string lines_;
};

}  // namespace gateway
