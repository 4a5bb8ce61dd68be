#pragma once
// Samples of one figure: medians and quantiles of what was measured several times.
#include <algorithm>
#include <cmath>
#include <vector>

namespace engine {

class Series {
public:
    void add(double value) {
        values_.insert(std::upper_bound(values_.begin(), values_.end(), value), value);
    }
    size_t n() const { return values_.size(); }
    // The value that `part` of all lie below, 0 the least, 1 the greatest; NaN of none.
    double at(double part) const {
        if (values_.empty()) return NAN;
        return values_[static_cast<size_t>(part * static_cast<double>(n() - 1) + 0.5)];
    }
    double median() const { return at(0.5); }

private:
    std::vector<double> values_;  // ascending
};

}  // namespace engine
