#!/usr/bin/env python3
"""Holds net.py to logits of the reference implementation: tests/engine/fixtures/official-layout. Exit 0: they agree.

    python3 engine/demo/check_net.py      (needs torch)
"""
import json
import struct
import sys
from pathlib import Path

import torch

from net import Net

FIXTURE = Path(__file__).resolve().parents[2] / "tests" / "engine" / "fixtures" / "official-layout"
DTYPES = {"BF16": torch.bfloat16, "F32": torch.float32, "I64": torch.int64}


def read_safetensors(path):
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(bytearray(data[8 + n + entry["data_offsets"][0] : 8 + n + entry["data_offsets"][1]]),
                                   dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"]) for name, entry in header.items()}


def load(net, tensors):
    experts = range(net.c["n_routed_experts"])

    def value(name):
        if ".experts." not in name:
            return tensors[name].float()
        folder, leaf = name.rsplit(".", 1)
        return torch.stack([tensors[f"{folder}.{k}.{leaf}.weight"].float() for k in experts])

    gates = [f"layers.{i}.ffn.gate." for i in range(net.c["num_hidden_layers"])]
    net.restore({"p": {name: value(name) for name in net.names},
                 "tid2eid": [tensors[gate + "tid2eid"] for gate in gates[: net.c["num_hash_layers"]]],
                 "bias": [tensors.get(gate + "bias", torch.zeros(len(experts))) for gate in gates]})


@torch.no_grad()
def main():
    expected = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
    net = Net(json.loads((FIXTURE / "config.json").read_text(encoding="utf-8")))
    load(net, read_safetensors(FIXTURE / "model.safetensors"))
    logits = net(torch.tensor([expected["tokens"]]))[0]
    worst = max(abs(logits[int(at), i].item() - value) for at, stored in expected["logits"].items() for i, value in enumerate(stored["first8"]))
    close = {at for at, _ in expected.get("argmax_close", ())}
    n_other = sum(int(row.argmax()) != token for at, (row, token) in enumerate(zip(logits, expected["argmax"])) if at not in close)
    print(f"largest difference {worst:.1e}, other argmax at {n_other} of {len(logits)} positions")
    return 0 if worst <= 5e-4 and n_other == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
