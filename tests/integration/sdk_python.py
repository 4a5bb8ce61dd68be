"""openai-python against the program: run by sdk.py, which sets BASE_URL, KEY and POOR_KEY."""
import asyncio
import os
import sys
import traceback
from typing import Literal

import openai
import pydantic

BASE_URL, KEY = os.environ["BASE_URL"], os.environ["KEY"]
ROADS = ("deepseek-v4", "mock")
HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": name, "strict": True, "parameters": {
    "type": "object", "additionalProperties": False, "properties": {}, "required": []}}} for name in ("flow", "level")]
client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, timeout=60)


class Colour(pydantic.BaseModel):
    name: Literal["red", "green"]


def raises(kind, status, call, code=...):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, (type(error), kind)
        assert error.status_code == status, error
        assert code is ... or error.code == code, error
        assert error.request_id, "no request id"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def create(model):
    answer = client.chat.completions.create(model=model, messages=HELLO, max_tokens=8)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id


def create_with_newer_names(model):
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "developer", "content": "Be brief."}, *HELLO], max_completion_tokens=8,
        temperature=0.5, top_p=0.9, seed=7, stop=["\n\n"], reasoning_effort="low", user="someone")
    assert answer.usage.completion_tokens <= 8


def raw_response(model):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, max_tokens=4)
    assert raw.headers["x-request-id"] and raw.headers["x-weir-reasoning"]
    assert raw.parse().choices


def stream(model):
    text, finish, usage = "", None, None
    with client.chat.completions.create(model=model, messages=HELLO, max_tokens=8, stream=True,
                                        stream_options={"include_usage": True}) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
            usage = chunk.usage or usage
    assert finish in ("stop", "length")
    assert usage.completion_tokens > 0


def stream_helper(model):
    with client.chat.completions.stream(model=model, messages=HELLO, max_tokens=8) as events:
        kinds = {event.type for event in events}
        assert "chunk" in kinds, kinds
        assert events.current_completion_snapshot.choices[0].message.role == "assistant"


def whole(ask):
    """The first answer that its limit does not cut: random weights may leave blanks until then."""
    for seed in range(20):
        try:
            return ask(seed)
        except openai.LengthFinishReasonError:
            pass
    raise AssertionError("no answer ended")


def tools():
    answer = client.chat.completions.create(model="fault-13", messages=HELLO, tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"

    def ask(seed):
        with client.chat.completions.stream(
                model="deepseek-v4", messages=HELLO, tools=TOOLS, tool_choice="required", parallel_tool_calls=False,
                seed=seed, reasoning_effort="none", max_tokens=100) as events:
            return events.get_final_completion().choices[0]
    choice = whole(ask)
    call, = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and call.function.parsed_arguments == {}, choice
    turn = [{"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": {
        "name": call.function.name, "arguments": call.function.arguments}}]},
            {"role": "tool", "tool_call_id": call.id, "content": "7"}]
    for model in ROADS:
        client.chat.completions.create(model=model, messages=[*HELLO, *turn], tools=TOOLS, max_tokens=4)


def parse():
    answer = whole(lambda seed: client.chat.completions.parse(
        model="deepseek-v4", messages=HELLO, response_format=Colour, seed=seed, reasoning_effort="none", max_tokens=100))
    assert answer.choices[0].message.parsed.name in ("red", "green")


def asynchronous(model):
    async def ask():
        async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=KEY) as many:
            async def streamed():
                chunks = await many.chat.completions.create(model=model, messages=HELLO, max_tokens=8, stream=True)
                return [chunk async for chunk in chunks]

            answers = await asyncio.gather(*(streamed() for _ in range(8)))
            assert all(chunks[-1].choices[0].finish_reason for chunks in answers)
    asyncio.run(ask())


def abort():
    for model in ("ok-n1000-ms20", "deepseek-v4"):
        chunks = client.chat.completions.create(model=model, messages=HELLO, max_tokens=900, stream=True)
        for _, _ in zip(chunks, range(2)):
            pass
        chunks.close()


def models():
    listed = {model.id for model in client.models.list()}
    assert set(ROADS) <= listed, listed
    assert client.models.retrieve("mock").id == "mock"


def errors():
    def ask(who=client, **members):
        return who.chat.completions.create(**{"model": "mock", "messages": HELLO, "max_tokens": 4, **members})

    raises(openai.AuthenticationError, 401, lambda: ask(client.with_options(api_key="sk-wrong")), "invalid_api_key")
    raises(openai.NotFoundError, 404, lambda: ask(model="nothing"), "model_not_found")
    raises(openai.NotFoundError, 404, lambda: client.models.retrieve("nothing"), "model_not_found")
    error = raises(openai.BadRequestError, 400, lambda: ask(n=0))
    assert error.param == "n" and error.type == "invalid_request_error"
    raises(openai.BadRequestError, 400, lambda: ask(messages=[]), "empty_array")
    error = raises(openai.RateLimitError, 429, lambda: ask(client.with_options(api_key=os.environ["POOR_KEY"])),
                   "insufficient_quota")
    assert error.type == "insufficient_quota"
    assert error.response.request.headers["x-stainless-retry-count"] == "0", "it was retried"
    raises(openai.InternalServerError, 502, lambda: ask(client.with_options(max_retries=0), model="fault-4"))
    raises(openai.NotFoundError, 404, lambda: client.embeddings.create(model="mock", input="x"))


def cut_stream():
    chunks = client.chat.completions.create(model="fault-7-k3", messages=HELLO, stream=True)
    try:
        seen = [chunk for chunk in chunks]
    except openai.APIError as error:
        assert not isinstance(error, openai.APIStatusError), error
        return
    raise AssertionError(f"a cut stream looked whole: {len(seen)} chunks")


def main():
    cases = [(f"{case.__name__} {model}", lambda case=case, model=model: case(model)) for model in ROADS
             for case in (create, create_with_newer_names, raw_response, stream, stream_helper, asynchronous)]
    cases += [(case.__name__, case) for case in (tools, parse, abort, models, errors, cut_stream)]
    n_failed = 0
    print(f"openai-python {openai.__version__}")
    for name, case in cases:
        try:
            case()
            print("ok     ", name)
        except Exception:
            n_failed += 1
            print("FAILED ", name)
            traceback.print_exc(file=sys.stdout)
    print(f"{len(cases) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


sys.exit(main())
