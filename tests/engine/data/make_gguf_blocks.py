"""Writes gguf_blocks.json: random blocks of each GGUF format and the numbers that the gguf package
reads from them, so that the tests need no Python. Needs: pip install gguf==0.19.0"""

import json
import sys

import gguf
import gguf.quants
import numpy

N_BLOCKS = 3


def finite_half(random):
    """A half's bytes: any sign, any exponent that is no infinity."""
    return numpy.float16(random.normal() * 2.0 ** random.integers(-12, 4)).tobytes()


def blocks_of(kind, random):
    type_ = gguf.GGMLQuantizationType[kind]
    n_numbers, n_bytes = gguf.GGML_QUANT_SIZES[type_]
    rows = []
    for _ in range(N_BLOCKS):
        block = bytearray(random.integers(0, 256, n_bytes, dtype=numpy.uint8).tobytes())
        for offset in {"Q8_0": [0], "Q4_K": [0, 2], "Q2_K": [80, 82], "IQ2_XXS": [0]}.get(kind, []):
            block[offset : offset + 2] = finite_half(random)
        if kind == "MXFP4":
            block[0] = random.integers(100, 150)
        rows.append(bytes(block))
    raw = numpy.frombuffer(b"".join(rows), dtype=numpy.uint8).reshape(N_BLOCKS, n_bytes)
    numbers = gguf.quants.dequantize(raw, type_).astype(numpy.float32).reshape(-1)
    assert numbers.size == N_BLOCKS * n_numbers
    return {"bytes": raw.tobytes().hex(), "f32_bits": numbers.tobytes().hex()}


def main():
    random = numpy.random.default_rng(4)
    kinds = ["Q8_0", "Q4_K", "Q2_K", "IQ2_XXS", "MXFP4"]
    json.dump({kind.lower(): blocks_of(kind, random) for kind in kinds}, sys.stdout, indent=1)
    print()


main()
