#pragma once
// Which requests a route gives to an endpoint of its plan, and who gets its canary. Pure functions.
#include <optional>
#include <string>
#include <string_view>

#include "config/conditions.h"
#include "routing/router.h"

namespace routing {

// The first part of a condition that does not hold.
struct Unmet {
    enum class Part : uint8_t { prompt_tokens, label, header, hours };
    Part part = Part::prompt_tokens;
    const config::NamedMatch* match = nullptr;  // of the condition: the label or the header
};

// Nothing: all of it holds. Allocates nothing.
std::optional<Unmet> first_unmet(const config::Condition& condition, const RequestFacts& facts);

// For x-weir-reason: "prompt_tokens", "label:team", "header:x-team", "hours".
std::string to_string(const Unmet& unmet);
// For people: "its label team is not batch or nightly".
std::string describe(const Unmet& unmet, const config::Condition& condition);

// What stands for a user among all, uniform over 64 bits: the same for the same user of a route,
// for ever and on every machine. Users of two routes are drawn apart.
uint64_t draw_of_user(std::string_view route, std::string_view user);
// The same for a request, from random bits.
uint64_t draw_of_request(uint64_t dice);
// Whom no canary gets.
inline constexpr uint64_t kNoCanary = UINT64_MAX;

// Whoever gets it at some share gets it at every greater one.
bool takes_canary(const config::Canary& canary, uint64_t draw);

}  // namespace routing
