"""Reads a checkpoint folder that export.py wrote back into the state of a net: a start for more training."""
import json
import struct

import torch

from net import shapes
from quantise import E2M1

DTYPES = {"I64": torch.int64, "F32": torch.float32, "BF16": torch.bfloat16, "F8_E4M3": torch.float8_e4m3fn, "F8_E8M0": torch.uint8, "I8": torch.uint8}


def read_safetensors(path):
    """{name: (dtype as it is written there, tensor)}"""
    data = bytearray(path.read_bytes())
    n_header = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8 : 8 + n_header])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + n_header + at for at in entry["data_offsets"])
            out[name] = entry["dtype"], torch.frombuffer(data[begin:end], dtype=DTYPES[entry["dtype"]]).view(entry["shape"])
    return out


def value(name, stored):
    """What a stored parameter stands for, in f32."""
    dtype, w = stored[name]
    if dtype not in ("F8_E4M3", "I8"):
        return w.float()
    scale = torch.exp2(stored[name.removesuffix(".weight") + ".scale"][1].float() - 127)
    if dtype == "F8_E4M3":
        return w.float() * scale.repeat_interleave(128, 0).repeat_interleave(128, 1)
    codes = torch.stack([w & 15, w >> 4], -1).flatten(-2).long()
    return E2M1[codes & 7] * torch.where(codes > 7, -1.0, 1.0) * scale.repeat_interleave(32, -1)


def read_state(directory, config):
    """As Net.state() gives it."""
    stored = read_safetensors(directory / "model.safetensors")
    p = {}
    for name, shape in shapes(config).items():
        if ".experts." in name:
            folder, leaf = name.rsplit(".", 1)
            p[name] = torch.stack([value(f"{folder}.{expert}.{leaf}.weight", stored) for expert in range(shape[0])])
        else:
            p[name] = value(name, stored)
    gates = [f"layers.{i}.ffn.gate." for i in range(config["num_hidden_layers"])]
    n_hash = config["num_hash_layers"]
    bias = [torch.zeros(config["n_routed_experts"]) if i < n_hash else stored[gate + "bias"][1] for i, gate in enumerate(gates)]
    return {"p": p, "tid2eid": [stored[gate + "tid2eid"][1] for gate in gates[:n_hash]], "bias": bias}
