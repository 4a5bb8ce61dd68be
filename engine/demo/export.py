#!/usr/bin/env python3
"""Writes a trained net as a checkpoint folder in the official FP8/FP4 layout.

    python3 engine/demo/export.py CHECKPOINT DIRECTORY      (the tokenizer stands in DIRECTORY already)
"""
import json
import struct
import sys
from pathlib import Path

import torch

from net import Net
from quantise import fp4, fp8, stored_format
from shape import CONFIG, GENERATION_CONFIG


def raw(tensor):
    return bytes(tensor.contiguous().view(torch.uint8).flatten().numpy())


def stored(name, w):
    """(name, dtype, shape, bytes) of one parameter and its scale."""
    kind = stored_format(name)
    if kind in ("fp4", "fp8"):
        values, scale, _ = (fp4 if kind == "fp4" else fp8)(w)
        yield name, "I8" if kind == "fp4" else "F8_E4M3", values.shape, raw(values)
        yield name.removesuffix(".weight") + ".scale", "F8_E8M0", scale.shape, raw(scale)
    else:
        yield name, "BF16" if kind == "bf16" else "F32", w.shape, raw(w.bfloat16() if kind == "bf16" else w)


def tensors(net):
    for name, key in net.names.items():
        w = net.p[key].detach()
        if ".experts." not in name:
            yield from stored(name, w)
            continue
        folder, leaf = name.rsplit(".", 1)
        for expert in range(w.shape[0]):
            yield from stored(f"{folder}.{expert}.{leaf}.weight", w[expert])
    n_hash = net.c["num_hash_layers"]
    for i in range(net.c["num_hidden_layers"]):
        gate = f"layers.{i}.ffn.gate."
        if i < n_hash:
            yield gate + "tid2eid", "I64", net.tid2eid[i].shape, raw(net.tid2eid[i])
        else:
            yield gate + "bias", "F32", net.bias[i].shape, raw(net.bias[i])


def write_safetensors(path, entries):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    order = {"I64": 0, "F32": 1, "BF16": 2}  # wide numbers first: each tensor starts at a multiple of its element
    entries = sorted(entries, key=lambda entry: order.get(entry[1], 3))
    for name, dtype, shape, data in entries:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for *_, data in entries:
            out.write(data)


def main():
    checkpoint, directory = torch.load(sys.argv[1], weights_only=True), Path(sys.argv[2])
    net = Net(CONFIG)
    net.restore(checkpoint["net"])
    write_safetensors(directory / "model.safetensors", tensors(net))
    for name, value in (("config.json", CONFIG), ("generation_config.json", GENERATION_CONFIG)):
        (directory / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
