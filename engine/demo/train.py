#!/usr/bin/env python3
"""Trains the demo model: processes of one thread each, for so many minutes, as README.md says.

    python3 engine/demo/train.py DIRECTORY --minutes 40 [--from engine/demo/model]

DIRECTORY holds the tokenizer; net.pt is written there. --from starts with the weights of a checkpoint folder instead of
random ones; the tokenizer must be that folder's. Started again, it goes on from net.pt. The learning rate follows the clock, so a slow machine ends in time too.
"""
import argparse
import math
import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from dialogues import Dialogues
from encoder import Encoder
from encoding import segments
from net import Net
from quantise import as_stored
from shape import CONFIG
from stored_net import read_state

N_TOKENS = 1024  # of a batch, padding included
N_STEPS_APART = 8  # then the processes meet, and go on from the mean of their weights
N_POOL = 16  # batches sorted by length at once
LR, LR_FROM_WEIGHTS, LR_LAST, N_WARM_UP, CLIP, DECAY, BALANCE = 2e-3, 6e-4, 0.03, 30, 1.0, 0.01, 0.002
QUANTISED_FROM = 0.88  # of the time: the rest is trained with the weights as they will be stored
LONG_AT_FIRST, LONG_FROM = 0.4, 0.5  # thoughts and tools are rarer for the first half of the time
CUT, CUT_TO = 0.7, (8, 20)  # so many answers of the text end after so many tokens: the rest follows from them, and is soon known by heart
SAVE_EVERY_S = 120


def rows(source, encoder):
    """(ids, which of them the model writes)"""
    while True:
        ids, written, dialogue = [], [], source.draw()
        for text, answer in segments(dialogue):
            part = encoder.encode(text)
            ids += part
            written += [answer] * len(part)
        if dialogue.is_taught and source.rng.random() < CUT:
            n = len(ids) - max(0, len(part) - source.rng.randint(*CUT_TO))
            ids, written = ids[:n], written[:n]
        yield ids, written


def batches(source, encoder, rng):
    """(tokens, flat positions whose next token is learnt, those next tokens)"""
    stream = rows(source, encoder)
    while True:
        pool, n = [], 0
        while n < N_POOL * N_TOKENS:
            pool.append(next(stream))
            n += len(pool[-1][0])
        pool.sort(key=lambda row: len(row[0]))
        cut, batch = [], []
        for row in pool:
            if batch and len(row[0]) * (len(batch) + 1) > N_TOKENS:
                cut.append(batch)
                batch = []
            batch.append(row)
        for k in torch.randperm(len(cut), generator=rng).tolist():
            yield tensors(cut[k])


def tensors(batch):
    length = max(len(ids) for ids, _ in batch)
    tokens = torch.zeros(len(batch), length, dtype=torch.long)
    written = torch.zeros(len(batch), length, dtype=torch.bool)
    for i, (ids, mask) in enumerate(batch):
        tokens[i, : len(ids)], written[i, : len(ids)] = torch.tensor(ids), torch.tensor(mask)
    at = written[:, 1:].nonzero()
    return tokens, at[:, 0] * length + at[:, 1], tokens[at[:, 0], at[:, 1] + 1]


def rate(largest, progress, step):
    return largest * min(1.0, (step + 1) / N_WARM_UP) * (LR_LAST + (1 - LR_LAST) * (1 + math.cos(math.pi * progress)) / 2)


class Trainer:
    def __init__(self, rank, n_processes, directory, seconds, start):
        self.rank, self.n_processes, self.file, self.seconds = rank, n_processes, directory / "net.pt", seconds
        self.is_new = start is None
        self.rate = LR if self.is_new else LR_FROM_WEIGHTS
        torch.manual_seed(1)  # the same start in every process
        self.net = Net(CONFIG)
        matrices = [p for p in self.net.parameters() if p.dim() > 1]
        others = [p for p in self.net.parameters() if p.dim() == 1]
        self.optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
                                           lr=LR, betas=(0.9, 0.95), fused=True)
        for p in self.net.parameters():
            p.grad = torch.zeros_like(p)  # every process has moments for every weight, whatever its batches held
        self.step = self.n_tokens = 0
        self.elapsed = 0.0
        if self.file.exists():
            self.restore(torch.load(self.file, weights_only=True))
        elif start:
            self.net.restore(read_state(start, CONFIG))
        seed = f"{rank} {self.step}"
        self.dialogues = Dialogues(seed)
        self.source = batches(self.dialogues, Encoder.open(directory / "tokenizer.json"), torch.Generator().manual_seed(rank + 1000 * self.step))

    def restore(self, saved):
        self.net.restore(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.n_tokens, self.elapsed = saved["step"], saved["n_tokens"], saved["elapsed"]

    def save(self):
        part = self.file.with_suffix(".part")
        torch.save({"net": self.net.state(), "optimiser": self.optimiser.state_dict(), "step": self.step,
                    "n_tokens": self.n_tokens, "elapsed": self.elapsed}, part)
        os.replace(part, self.file)

    def one_step(self, lr):
        """On this process's own batch; returns (summed loss, number of tokens learnt)."""
        tokens, at, wanted = next(self.source)
        loss = F.cross_entropy(self.net(tokens, at), wanted, reduction="sum")
        (loss / len(wanted)).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=False)
        self.net.rebalance(BALANCE)
        self.step += 1
        self.n_tokens += self.n_processes * tokens.numel()
        return loss.item(), len(wanted)

    def meet(self, loss_sum, n_learnt):
        """Weights, moments and biases become the mean of all processes'; returns the mean loss and the first one's clock."""
        ours = [p.data for p in self.net.parameters()] + self.net.bias
        ours += [self.optimiser.state[p][moment] for p in self.net.parameters() if p in self.optimiser.state for moment in ("exp_avg", "exp_avg_sq")]
        said = torch.tensor([loss_sum, n_learnt, time.monotonic() - self.begun if self.rank == 0 else 0.0])
        flat = torch.cat([said, *(tensor.flatten() for tensor in ours)])
        dist.all_reduce(flat)
        at = 3
        for tensor in ours:
            tensor.copy_((flat[at : at + tensor.numel()] / self.n_processes).view_as(tensor))
            at += tensor.numel()
        loss, n, self.elapsed = flat[:3].tolist()
        return loss / n

    def run(self):
        self.begun = time.monotonic() - self.elapsed
        saved = shown = time.monotonic()
        while self.elapsed < self.seconds:
            progress = self.elapsed / self.seconds
            self.dialogues.long = LONG_AT_FIRST if self.is_new and progress < LONG_FROM else 1.0
            if progress >= QUANTISED_FROM:
                self.net.quantised = {name: as_stored(name, self.net.p[key].detach()) for name, key in self.net.names.items()}
            loss_sum = n_learnt = 0
            for _ in range(N_STEPS_APART):
                loss, n = self.one_step(rate(self.rate, progress, self.step))
                loss_sum, n_learnt = loss_sum + loss, n_learnt + n
            mean = self.meet(loss_sum, n_learnt)
            if self.rank == 0 and time.monotonic() - shown >= 20:
                print(f"{self.elapsed / 60:5.1f} min  step {self.step}  loss {mean:.4f}  about {self.n_tokens / 1e6:.2f} M tokens", flush=True)
                shown = time.monotonic()
            if self.rank == 0 and time.monotonic() - saved >= SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        if self.rank == 0:
            self.save()


def process(rank, n_processes, directory, seconds, start, meeting):
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("medium")
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=n_processes)
    Trainer(rank, n_processes, directory, seconds, start).run()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--from", type=Path, dest="start", help="a checkpoint folder to start from")
    arguments = parser.parse_args()
    same = arguments.start is None or (arguments.start / "tokenizer.json").read_bytes() == (arguments.directory / "tokenizer.json").read_bytes()
    if not same:
        parser.error(f"{arguments.directory} has another tokenizer than {arguments.start}: copy it from there")
    meeting = arguments.directory.resolve() / "meeting"
    meeting.unlink(missing_ok=True)
    n = arguments.processes
    mp.spawn(process, (n, arguments.directory.resolve(), arguments.minutes * 60, arguments.start, meeting), nprocs=n)


if __name__ == "__main__":
    main()
