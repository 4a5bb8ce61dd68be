#pragma once
// Token compression of CSA and HCA layers, and of CSA's indexer: windows of `ratio` tokens become
// one row. Token t brings values a_t and gates b_t (ape[t mod ratio] added). When the last token of
// window w has arrived, for each channel x < width:
//     row_w[x] = sum of p * a over the window's items, p = softmax of their gates b
// hca: the items are the window's tokens. csa: tokens carry 2 * width numbers; the lower half
// belongs to the next window's row, the upper half to their own, so row w pools window w-1's lower
// halves and window w's upper halves; window 0 has no predecessor and pools its own only. Norm and
// rotation follow and are the caller's.
#include <cstdint>
#include <memory>

namespace engine::kernels {

enum class Overlap : uint8_t { none, previous_window };  // hca, csa

struct CompressorShape {
    int64_t width = 0;  // of a row
    int64_t ratio = 0;  // tokens to a row, >= 1
    Overlap overlap = Overlap::none;

    int64_t token_width() const { return overlap == Overlap::none ? width : 2 * width; }
    int64_t n_kept() const { return overlap == Overlap::none ? ratio : 2 * ratio; }
};

// Values and gates of the open window and, with overlap, of the one before it. Token t is in slot
// t mod n_kept(). Nothing is read that was not pushed since position 0.
struct CompressorState {
    CompressorShape shape;
    std::unique_ptr<float[]> values;  // [n_kept, token_width]
    std::unique_ptr<float[]> gates;   // [n_kept, token_width]

    CompressorState() = default;
    explicit CompressorState(const CompressorShape& shape);
    int64_t bytes() const;
};

// Token `pos` of the sequence, in order from 0. values, gates: [token_width], gates without ape;
// ape: [ratio, token_width]. True if it closed window pos / ratio, whose pooled row [width] is then
// in `row`. One thread; aliases nothing.
bool compressor_push(CompressorState& state, int64_t pos, const float* values, const float* gates,
                     const float* ape, float* row);

namespace ref {
// Window w of a whole sequence. values, gates: [n_tokens, token_width], n_tokens >= (w + 1) *
// ratio.
void compress_window(const CompressorShape& shape, const float* values, const float* gates,
                     const float* ape, int64_t w, float* row);
}  // namespace ref

}  // namespace engine::kernels
