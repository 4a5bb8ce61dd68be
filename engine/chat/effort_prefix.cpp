#include "engine/chat/effort_prefix.h"

namespace engine {
namespace {

constexpr std::string_view kStrong =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the "
    "problem to resolve the root cause, rigorously stress-testing your logic against all "
    "potential paths, edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every "
    "intermediate step, considered alternative, and rejected hypothesis to ensure "
    "absolutely no assumption is left unchecked.\n"
    "\n";

constexpr std::string_view kStrongest =
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n"
    "You MUST reason with the utmost depth and rigor, leaving absolutely nothing to "
    "chance: exhaustively decompose the problem into its most fundamental components, "
    "trace every causal chain to its root, and resolve the underlying cause rather than "
    "any surface symptom.\n"
    "Do not stop reasoning until you have independently verified the solution from "
    "multiple angles and are certain that no assumption remains unchecked and no error "
    "remains undiscovered.\n"
    "\n";

std::string_view preview_prefix(config::Effort tier) {
    switch (tier) {
        case config::Effort::none:
        case config::Effort::minimal:
        case config::Effort::low:
        case config::Effort::medium:
        case config::Effort::high:
            return {};
        case config::Effort::xhigh:
        case config::Effort::max:
            return kStrong;
    }
    return {};
}

std::string_view v0731_prefix(config::Effort tier) {
    switch (tier) {
        case config::Effort::none:
        case config::Effort::minimal:
        case config::Effort::low:
            return {};
        case config::Effort::medium:
        case config::Effort::high:
        case config::Effort::xhigh:
            return kStrong;
        case config::Effort::max:
            return kStrongest;
    }
    return {};
}

}  // namespace

std::string_view effort_prefix(config::Encoding encoding, config::Effort tier) {
    switch (encoding) {
        case config::Encoding::preview:
            return preview_prefix(tier);
        case config::Encoding::v0731:
            return v0731_prefix(tier);
    }
    return {};
}

}  // namespace engine
