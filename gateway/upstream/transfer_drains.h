#pragma once
// Gives transfers whose answer is known a moment to end by themselves, so that their connections
// are used again.
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "gateway/upstream/transfer.h"

namespace gateway {

// Confined to one io thread. Goes before the engines of its transfers go.
class TransferDrains {
public:
    void add(std::unique_ptr<Transfer> transfer) {
        Transfer& drained = *transfer;
        drains_.push_back(std::make_unique<Drain>(*this, std::move(transfer)));
        drained.hand_over(*drains_.back());
        drained.deadline_moved();
        drained.unpause();
    }

private:
    class Drain final : public TransferSink {
    public:
        Drain(TransferDrains& drains, std::unique_ptr<Transfer> transfer)
            : drains_(drains),
              transfer_(std::move(transfer)),
              deadline_(std::chrono::steady_clock::now() + std::chrono::seconds(1)) {}

        void on_connected() override {}
        Take on_bytes(std::string_view bytes) override {
            constexpr size_t kBytesMax = 64 << 10;
            n_bytes_ += bytes.size();
            return n_bytes_ <= kBytesMax ? Take::more : Take::abort;
        }
        void on_done(const char*) override { ended_ = true; }
        void on_deadline(TimePoint) override { ended_ = true; }
        TimePoint deadline() const override { return deadline_; }
        void on_turn_end() override {
            if (!ended_) return;
            std::erase_if(drains_.drains_,
                          [this](const auto& drain) { return drain.get() == this; });
        }

    private:
        TransferDrains& drains_;
        const std::unique_ptr<Transfer> transfer_;
        const TimePoint deadline_;
        size_t n_bytes_ = 0;
        bool ended_ = false;
    };

    std::vector<std::unique_ptr<Drain>> drains_;
};

}  // namespace gateway
