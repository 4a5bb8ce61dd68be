"""The official stored formats: FP8 e4m3 in blocks of 128 x 128, FP4 e2m1 in groups of 32, bf16; scales are powers of two."""
import torch

E2M1 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
BETWEEN = (E2M1[1:] + E2M1[:-1]) / 2
FP8 = ("attn.wq_a", "attn.wq_b", "attn.wkv", "attn.wo_a", "attn.wo_b", "attn.indexer.wq_b",
       "shared_experts.w1", "shared_experts.w2", "shared_experts.w3")


def stored_format(name):
    """fp4, fp8, f32 or bf16, as section 8.1 of the architecture has it."""
    if ".experts." in name:
        return "fp4"
    if name.removesuffix(".weight").endswith(FP8) and "compressor" not in name:
        return "fp8"
    leaf = name.rsplit(".", 1)[-1]
    return "f32" if leaf.startswith("hc_") or leaf in ("ape", "attn_sink", "bias") else "bf16"


def exponent(largest, most):
    """The smallest e with largest <= most * 2^e, as a scale byte holds it."""
    return torch.ceil(torch.log2((largest / most).clamp(min=2.0**-126))).clamp(-127, 127)


def fp8(w):
    """(values as float8_e4m3fn, scale bytes, what they stand for)"""
    rows, columns = w.shape
    blocks = w.reshape(rows // 128, 128, columns // 128, 128)
    e = exponent(blocks.abs().amax((1, 3)), 448.0)
    scale = torch.exp2(e)[:, None, :, None]
    values = (blocks / scale).to(torch.float8_e4m3fn)
    return values.reshape(w.shape), (e + 127).to(torch.uint8), (values.float() * scale).reshape(w.shape)


def fp4(w):
    """(pairs of codes, the even column in the low half; scale bytes; what they stand for). Any leading dimensions."""
    groups = w.reshape(*w.shape[:-1], w.shape[-1] // 32, 32)
    top = exponent(groups.abs().amax(-1), 6.0)
    best = None
    for e in (top, top - 1):  # a smaller scale cuts the largest and is finer for the rest
        scale = torch.exp2(e)[..., None]
        codes = torch.bucketize((groups / scale).abs(), BETWEEN)
        values = E2M1[codes] * torch.sign(groups) * scale
        loss = (values - groups).square().sum(-1)
        if best is None:
            best = [e, codes, values, loss]
        else:
            better = loss < best[3]
            best = [torch.where(better, e, best[0]), torch.where(better[..., None], codes, best[1]),
                    torch.where(better[..., None], values, best[2]), None]
    e, codes, values, _ = best
    codes = (codes + 8 * (groups < 0)).reshape(w.shape).to(torch.uint8)
    return codes[..., 0::2] | codes[..., 1::2] << 4, (e + 127).to(torch.uint8), values.reshape(w.shape)


@torch.no_grad()
def as_stored(name, w):
    kind = stored_format(name)
    return fp4(w)[2] if kind == "fp4" else fp8(w)[2] if kind == "fp8" else w.bfloat16().float() if kind == "bf16" else w
