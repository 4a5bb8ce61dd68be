"""What the scripts of the Python clients share: their list of cases, and what the server knows of their requests."""
import asyncio
import json
import os
import sys
import threading
import time
import traceback
import urllib.request

BASE_URL, KEY, POOR_KEY = os.environ["BASE_URL"], os.environ["KEY"], os.environ["POOR_KEY"]
HELLO = [{"role": "user", "content": "Hello"}]
MODELS = {"local": "deepseek-v4", "remote": "mock"}
STEP = {"type": "object", "additionalProperties": False, "required": ["step"],
        "properties": {"step": {"type": "integer", "enum": [0, 1]}}}
TOOL = {"type": "function", "function": {"name": "level", "description": "The water's level.", "strict": True, "parameters": STEP}}
# What `loop` says after five calls, if all came to it: results and reasoning.
LOOPED = {"results": [f"level {n}" for n in range(5)], "thoughts": [f"thought {n}" for n in range(5)]}
TOO_LONG = [{"role": "user", "content": "word " * 8000}]  # for the engine's n_ctx
TOO_LARGE = [{"role": "user", "content": "x" * (2 << 20)}]

_cases = []
_loop = asyncio.new_event_loop()  # runs on while others wait, as a program's does
threading.Thread(target=_loop.run_forever, daemon=True).start()


def case(feature, *roads):
    """Makes a case of a function, which is called with the road; without roads: both."""
    def add(function):
        _cases.extend((feature, road, function) for road in roads or MODELS)
        return function
    return add


def run(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result()


def served(what):
    """Asks the other side of the server (Served in sdk.py)."""
    with urllib.request.urlopen(f"{os.environ['SERVED_URL']}/{what}", timeout=120) as answer:
        return json.load(answer)


def in_turn(ask):
    """Calls what asks for `held` while another has it: it is to come again after a second, and does."""
    other = threading.Thread(target=served, args=("refused",))
    other.start()
    ask()
    other.join()
    assert set(statuses()) == {200, 429}


def news():
    """The requests since it was last asked, all ended, holding nothing; and how many streams the upstream saw hung up."""
    told = served("news")
    return told["requests"], told["n_hung_up"]


def statuses():
    return [int(request["status"]) for request in news()[0]]


def hang_up(road, function):
    """Calls what breaks off one stream; the server must see it go, the upstream too. The engine's random weights may end an
    answer before that: then once more."""
    for _ in range(20):
        function()
        requests, n_hung_up = news()
        outcome, = (request["outcome"] for request in requests)
        if outcome == "client_gone":
            assert n_hung_up == (road == "remote")
            return
        assert road == "local" and outcome in ("ok", "length"), requests
    raise AssertionError("every answer ended by itself")


async def cancel(chunks):
    """Cancels the task that reads a stream, once it has begun."""
    begun = asyncio.Event()

    async def read():
        try:
            async for _ in chunks:
                begun.set()
        finally:
            begun.set()
    reader = asyncio.create_task(read())
    await begun.wait()
    await stop(reader)


async def cancel_waiting(answer):
    """Cancels the task that waits for an answer of `silent`, once the upstream was asked."""
    waiting = asyncio.ensure_future(answer)
    await asyncio.to_thread(served, "asked")
    await stop(waiting)


async def stop(task):
    while not task.done():  # before Python 3.12 asyncio.wait_for may swallow one
        task.cancel()
        await asyncio.wait({task}, timeout=0.02)


def whole(ask):
    """The first answer that its limit does not cut, of a function of the seed that says None for one that is cut: random
    weights may write blanks until then."""
    for seed in range(20):
        if (answer := ask(seed)) is not None:
            return answer
    raise AssertionError("no answer ended")


def main(version):
    n_failed = 0
    print(version)
    for feature, road, function in _cases:
        try:
            news()
            begun = time.monotonic()
            function(road)
            print("ok     ", feature, road, function.__name__, f"{time.monotonic() - begun:.1f} s", flush=True)
        except Exception:
            n_failed += 1
            print("FAILED ", feature, road, function.__name__)
            traceback.print_exc(file=sys.stdout)
    print(f"{len(_cases) - n_failed} held, {n_failed} failed", flush=True)
    os._exit(1 if n_failed else 0)  # a client's own threads keep nobody waiting
