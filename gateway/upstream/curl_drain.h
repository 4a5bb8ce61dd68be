#pragma once
// Lets a transfer whose answer is known end by itself, so that its connection is used again.
#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "gateway/upstream/curl_multi.h"

namespace gateway {

class CurlMulti::Drain final : public TransferSink {
public:
    Drain(CurlMulti& multi, std::unique_ptr<Transfer> transfer)
        : multi_(multi),
          transfer_(std::move(transfer)),
          deadline_(std::chrono::steady_clock::now() + std::chrono::seconds(1)) {}

    void on_connected() override {}
    Take on_bytes(std::string_view bytes) override {
        constexpr size_t kBytesMax = 64 << 10;
        n_bytes_ += bytes.size();
        return n_bytes_ <= kBytesMax ? Take::more : Take::abort;
    }
    void on_done(CURLcode) override { ended_ = true; }
    void on_deadline(TimePoint) override { ended_ = true; }
    TimePoint deadline() const override { return deadline_; }
    void on_turn_end() override {
        if (ended_)
            std::erase_if(multi_.drains_,
                          [this](const auto& drain) { return drain.get() == this; });
    }

private:
    CurlMulti& multi_;
    const std::unique_ptr<Transfer> transfer_;
    const TimePoint deadline_;
    size_t n_bytes_ = 0;
    bool ended_ = false;
};

}  // namespace gateway
