#pragma once
// What the machine gives at this moment: a figure without these beside it says nothing on a shared
// machine.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/ops.h"
#include "engine/kernels/thread_pool.h"
#include "engine/model/layer_weights.h"

namespace engine {

// GB/s of reading memory far larger than the caches, in large pages, in pieces as kernels do.
class ReadProbe {
public:
    explicit ReadProbe(kernels::ThreadPool& pool);
    double gigabytes_per_second();

private:
    kernels::ThreadPool& pool_;
    ConvertedStorage storage_;
    uint64_t* words_;
    std::vector<uint64_t> sums_;
};

// 10^9 int8 operations (products and sums) a second of the best tile on weights that stay in L1.
class MultiplyProbe {
public:
    MultiplyProbe(kernels::ThreadPool& pool, kernels::Isa isa);
    double giga_operations_per_second();

private:
    kernels::ThreadPool& pool_;
    const kernels::PanelOps& ops_;
    ConvertedStorage storage_;
    std::byte* panels_;
    std::vector<const std::byte*> x_;
    std::vector<float> y_;
    std::vector<float*> rows_;
};

double seconds_of_now();

}  // namespace engine
