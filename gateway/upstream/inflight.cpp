#include "gateway/upstream/inflight.h"

#include <boost/asio/post.hpp>
#include <unordered_map>

namespace gateway {

// Shared by its holder and the place's list until it is granted or left.
struct InflightCounts::Waiting::Grant {
    boost::asio::io_context& io;
    uint64_t account = 0;
    // Touched on io's thread alone. Empty: nobody waits any more.
    std::function<void(Permit)> granted;
    routing::FairQueue::Ticket ticket = 0;
};

struct InflightCounts::Place {
    // Free places and waiting ones are told to each other by the order of these two: who gives back
    // counts down, then looks whether somebody waits; who waits counts up, then looks for a place.
    std::atomic<int64_t> n_inflight{0};
    std::atomic<int64_t> n_waiting{0};

    std::mutex mutex;
    // Guarded by mutex.
    int64_t n_max = 0;                                   // as whoever came last said
    std::unordered_map<uint64_t, int64_t> n_by_account;  // where requests may wait; none is 0
    routing::FairQueue queue;
    std::unordered_map<routing::FairQueue::Ticket, std::shared_ptr<Waiting::Grant>> grants;

    bool take(int64_t most) {
        if (++n_inflight <= most) return true;
        --n_inflight;
        return false;
    }
    bool may(uint64_t account) const {
        const auto found = n_by_account.find(account);
        return found == n_by_account.end() || found->second < n_max - n_max / 16;
    }
};

namespace {

using Grant = InflightCounts::Waiting::Grant;

// Gives free places to those whose turn it is.
template <class Place>
void serve(const std::shared_ptr<Place>& place) {
    for (;;) {
        std::shared_ptr<Grant> next;
        {
            const std::lock_guard lock(place->mutex);
            if (place->grants.empty() || !place->take(place->n_max)) return;
            const auto ticket =
                place->queue.pop([&](uint64_t account) { return place->may(account); });
            if (!ticket) {
                --place->n_inflight;
                return;
            }
            const auto found = place->grants.find(*ticket);
            next = std::move(found->second);
            place->grants.erase(found);
            ++place->n_by_account[next->account];
            --place->n_waiting;
        }
        boost::asio::post(next->io,
                          [next, permit = InflightCounts::Permit(place, next->account)]() mutable {
                              // Whoever has left meanwhile gives the place on.
                              if (next->granted)
                                  std::exchange(next->granted, nullptr)(std::move(permit));
                          });
    }
}

}  // namespace

std::shared_ptr<InflightCounts::Place> InflightCounts::place(const std::string& upstream) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Place>& found = places_[upstream];
    if (!found) found = std::make_shared<Place>();
    return found;
}

std::optional<InflightCounts::Permit> InflightCounts::acquire(const std::string& upstream,
                                                              const Claim& claim) {
    std::shared_ptr<Place> found = place(upstream);
    if (claim.n_waiting_max == 0) {
        if (!found->take(claim.n_max)) return std::nullopt;
        return std::optional<Permit>(std::in_place, std::move(found), std::nullopt);
    }
    // Whoever waits and may be served was served when the place came free: nobody is overtaken.
    const std::lock_guard lock(found->mutex);
    found->n_max = claim.n_max;
    if (!found->may(claim.account) || !found->take(claim.n_max)) return std::nullopt;
    ++found->n_by_account[claim.account];
    return std::optional<Permit>(std::in_place, found, claim.account);
}

std::unique_ptr<InflightCounts::Waiting> InflightCounts::wait(const std::string& upstream,
                                                              const Claim& claim,
                                                              boost::asio::io_context& io,
                                                              std::function<void(Permit)> granted) {
    std::shared_ptr<Place> found = place(upstream);
    auto grant = std::make_shared<Grant>(Grant{io, claim.account, std::move(granted), 0});
    {
        const std::lock_guard lock(found->mutex);
        if (static_cast<int64_t>(found->grants.size()) >= claim.n_waiting_max) return nullptr;
        found->n_max = claim.n_max;
        grant->ticket = found->queue.push(claim.account, claim.n_tokens);
        found->grants.emplace(grant->ticket, grant);
        ++found->n_waiting;
    }
    serve(found);
    return std::make_unique<Waiting>(std::move(found), std::move(grant));
}

int64_t InflightCounts::n_inflight(const std::string& upstream) {
    return place(upstream)->n_inflight;
}

std::map<std::string, int64_t> InflightCounts::n_waiting() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, int64_t> counts;
    for (const auto& [name, place] : places_) counts.emplace(name, place->n_waiting);
    return counts;
}

InflightCounts::Permit::~Permit() {
    if (!place_) return;
    if (account_) {
        const std::lock_guard lock(place_->mutex);
        const auto found = place_->n_by_account.find(*account_);
        if (--found->second == 0) place_->n_by_account.erase(found);
    }
    --place_->n_inflight;
    if (place_->n_waiting > 0) serve(place_);
}

InflightCounts::Waiting::~Waiting() {
    grant_->granted = nullptr;
    const std::lock_guard lock(place_->mutex);
    if (place_->grants.erase(grant_->ticket) == 0) return;
    place_->queue.remove(grant_->ticket);
    --place_->n_waiting;
}

}  // namespace gateway
