#!/usr/bin/env python3
"""Holds net.py to logits of the reference implementation: tests/engine/fixtures/official-layout. Exit 0: they agree.

    python3 engine/demo/check_net.py      (needs torch)
"""
import json
import sys
from pathlib import Path

import torch

from net import Net
from stored_net import read_state

FIXTURE = Path(__file__).resolve().parents[2] / "tests" / "engine" / "fixtures" / "official-layout"


@torch.no_grad()
def main():
    expected = json.loads((FIXTURE / "expected.json").read_text(encoding="utf-8"))
    net = Net(json.loads((FIXTURE / "config.json").read_text(encoding="utf-8")))
    net.restore(read_state(FIXTURE, net.c))
    logits = net(torch.tensor([expected["tokens"]]))[0]
    worst = max(abs(logits[int(at), i].item() - value) for at, stored in expected["logits"].items() for i, value in enumerate(stored["first8"]))
    close = {at for at, _ in expected.get("argmax_close", ())}
    n_other = sum(int(row.argmax()) != token for at, (row, token) in enumerate(zip(logits, expected["argmax"])) if at not in close)
    print(f"largest difference {worst:.1e}, other argmax at {n_other} of {len(logits)} positions")
    return 0 if worst <= 5e-4 and n_other == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
