#include <cstdarg>
#include <cstdio>

#include "engine/plan/model_plan.h"

namespace engine {
namespace {

__attribute__((format(printf, 1, 2))) std::string print(const char* format, ...) {
    char line[512];
    va_list values;
    va_start(values, format);
    std::vsnprintf(line, sizeof line, format, values);
    va_end(values);
    return line;
}

// Four digits, a prefix and the unit: "147.2 GB".
std::string amount(double value, const char* unit) {
    constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;
    for (; value >= 999.95 && i + 1 < std::size(kPrefixes); ++i) value /= 1000;
    const bool bare = i == 0 && *unit == 0;
    return print("%.4g%s%s%s", value, bare ? "" : " ", kPrefixes[i], unit);
}
std::string bytes(double value) {
    return amount(value, "B");
}
std::string duration(double seconds) {
    return seconds < 1 ? print("%.3g ms", 1e3 * seconds) : print("%.4g s", seconds);
}
std::string percent(double part, int digits) {
    return print("%.*f %%", digits, 100 * part);
}

std::string weights_text(const ModelPlan& plan) {
    std::string out = print("%-18s %12s %12s %12s %12s %12s %12s\n", "weights", "parameters",
                            "stored", "read/token", "held fast", "read/token", "FLOP/token");
    const auto line = [&out](const char* name, const WeightCost& cost) {
        out += print("%-18s %12s %12s %12s %12s %12s %12s\n", name,
                     amount(cost.n_parameters, "").c_str(), bytes(cost.bytes).c_str(),
                     bytes(cost.bytes_read).c_str(), bytes(cost.bytes_fast).c_str(),
                     bytes(cost.bytes_fast_read).c_str(),
                     amount(2 * cost.n_parameters_active, "").c_str());
    };
    for (size_t i = 0; i < plan.costs.size(); ++i) {
        const auto group = static_cast<WeightGroup>(i);
        if (group != WeightGroup::mtp) line(to_string(group), plan.costs[i]);
    }
    line("together", backbone(plan.costs));
    const WeightCost& mtp = plan.costs[static_cast<size_t>(WeightGroup::mtp)];
    if (mtp.bytes > 0) line("mtp, not decoding", mtp);
    return out;
}

std::string context_text(const ModelPlan& plan) {
    std::string out = print("%-18s %12s %12s %12s %12s\n", "KV of a sequence", "bytes/token",
                            "grown to", "fixed", "read/token");
    for (const KvPlan& kv : plan.kv) {
        const auto growing = static_cast<double>(kv.bytes.growing);
        out +=
            print("%-18s %12.2f %12s %12s %12s\n", to_string(kv.format),
                  growing / static_cast<double>(plan.n_ctx), bytes(growing).c_str(),
                  bytes(static_cast<double>(kv.bytes.fixed)).c_str(), bytes(kv.bytes_read).c_str());
    }
    const Operations& n = plan.operations;
    return out + print(
                     "\noperations of one token: weights %s, attention %s, indexer "
                     "%s, together %s\n",
                     amount(n.weights, "FLOP").c_str(), amount(n.attention, "FLOP").c_str(),
                     amount(n.indexer, "FLOP").c_str(), amount(n.total(), "FLOP").c_str());
}

std::string expected_text(const ModelPlan& plan, const Expected& e) {
    std::string out = print("%s, KV %s: ", to_string(e.numerics), to_string(e.kv));
    if (!e.fraction) {
        return out + "nobody measured what part of the read rate it reaches here: see weir bench\n";
    }
    out += print("%.4g tokens/s (weights %s, attention %s, indexer %s a token)\n", e.tokens_per_s(),
                 duration(e.seconds_weights).c_str(), duration(e.seconds_attention).c_str(),
                 duration(e.seconds_indexer).c_str());
    out += print("  assumed: weights at %.2f of the read rate (%s)\n", e.fraction->value,
                 e.fraction->source);
    out += print("  measured: attention %.4g GFLOP/s", e.rates.attention);
    if (plan.operations.indexer > 0) out += print(", indexer %.4g GFLOP/s", e.rates.indexer);
    out += print("\n  memory: %s of %s\n", bytes(e.memory_bytes).c_str(),
                 bytes(plan.machine.memory_bytes).c_str());
    if (e.memory_bytes <= plan.machine.memory_bytes) return out;
    return out + "  it does not fit: the figure is that of more memory of the same speed\n";
}

std::string machine_text(const ModelPlan& plan) {
    const ThisMachine& m = plan.machine;
    std::string out = print(
        "here, one sequence decoding: %d threads, %s, memory read at %.1f GB/s (%.1f to "
        "%.1f, %zu probes)\n",
        m.n_threads, kernels::to_string(m.isa), m.read.median(), m.read.at(0), m.read.at(1),
        m.read.n());
    constexpr double kQuiet = 0.05;
    if (m.others_cpu.value_or(0) > kQuiet) {
        out += print("others used %s of the processors meanwhile: what is measured is too slow\n",
                     percent(*m.others_cpu, 0).c_str());
    }
    for (const Expected& e : plan.expected) out += expected_text(plan, e);
    constexpr double kSmall = 64e6;
    if (backbone(plan.costs).bytes_read < kSmall) {
        out +=
            "a token of this model reads so little that caches and overhead decide: weir bench "
            "measures it\n";
    }
    return out;
}

std::string compared_text(const ModelPlan& plan) {
    const ComparedToV32& c = *plan.compared;
    const auto published = [&plan](double PublishedClaim::*part) {
        return plan.published ? percent((*plan.published).*part, 0) : std::string("-");
    };
    std::string out = print("%-42s %10s %13s\n", "of DeepSeek-V3.2's, at a million tokens",
                            "published", "counted here");
    out += print("%-42s %10s %13s\n", "KV, official mix, what grows",
                 published(&PublishedClaim::kv).c_str(), percent(c.kv, 2).c_str());
    out += print("%-42s %10s %13s\n", "operations of one token, each counted once",
                 published(&PublishedClaim::operations).c_str(), percent(c.operations, 1).c_str());
    out += print("%-42s %10s %13s\n", "  as FP8: bf16 ones twice, FP4 ones half",
                 published(&PublishedClaim::operations).c_str(),
                 percent(c.operations_as_fp8, 1).c_str());
    out += std::string("baseline: ") + v32::kBaseline + '\n';
    if (!plan.published) return out;
    return out +
           "the publication does not say how it counts operations; the second count was chosen "
           "because it gives its figures\n";
}

}  // namespace

std::string as_text(const ModelPlan& plan) {
    const std::string name = plan.published ? plan.published->model : "a V4";
    std::string out = plan.file;  // of any length
    out += print(": %s, %lld layers, %s parameters, %s of them for one token\n", name.c_str(),
                 static_cast<long long>(plan.config.n_layers),
                 amount(backbone(plan.costs).n_parameters, "").c_str(),
                 amount(backbone(plan.costs).n_parameters_active, "").c_str());
    out += print("weights %s; a context of %lld tokens\n\n", plan.weights.c_str(),
                 static_cast<long long>(plan.n_ctx));
    out += weights_text(plan) + '\n' + context_text(plan) + '\n' + machine_text(plan);
    if (plan.compared) out += '\n' + compared_text(plan);
    out.pop_back();
    return out;
}

}  // namespace engine
