"""openai-python, the newest and the last 1.x."""
import asyncio
import json
from typing import Literal

import openai
import pydantic
from cases import (
    BASE_URL, HELLO, KEY, LOOPED, MODELS, POOR_KEY, TOO_LARGE, TOO_LONG, TOOL, cancel, cancel_waiting, case, hang_up, in_turn, main, run,
    statuses, whole)

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, timeout=60)
chat = client.chat.completions


class Colour(pydantic.BaseModel):
    name: Literal["red", "green"]


def raises(kind, status, call, code=...):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, (type(error), kind)
        assert error.status_code == status, error
        assert code is ... or error.code == code, (error.code, code)
        assert error.request_id, "no request id"
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


@case("create")
def create(road):
    answer = chat.create(model=MODELS[road], messages=HELLO, max_tokens=8)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id
    assert road == "local" or answer.choices[0].message.content == "Hi there!"


@case("create")
def create_with_newer_names(road):
    answer = chat.create(
        model=MODELS[road], messages=[{"role": "developer", "content": "Be brief."}, *HELLO], max_completion_tokens=8,
        temperature=0.5, top_p=0.9, seed=7, stop=["\n\n"], reasoning_effort="low", user="someone")
    assert answer.usage.completion_tokens <= 8


@case("create")
def raw_response(road):
    raw = chat.with_raw_response.create(model=MODELS[road], messages=HELLO, max_tokens=4)
    assert raw.headers["x-request-id"] and raw.headers["x-weir-reasoning"]
    assert raw.parse().choices


@case("create")
def models(road):
    assert MODELS[road] in {model.id for model in client.models.list()}
    assert client.models.retrieve(MODELS[road]).id == MODELS[road]


@case("stream")
def stream(road):
    text, finish, usage = "", None, None
    with chat.create(model=MODELS[road], messages=HELLO, max_tokens=8, stream=True,
                     stream_options={"include_usage": True}) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
            usage = chunk.usage or usage
    assert finish in ("stop", "length")
    assert usage.completion_tokens > 0
    assert road == "local" or text == "Hi there!"


@case("stream")
def eight_at_once(road):
    async def ask():
        async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=KEY) as many:
            async def streamed():
                chunks = await many.chat.completions.create(model=MODELS[road], messages=HELLO, max_tokens=8, stream=True)
                return [chunk async for chunk in chunks]

            answers = await asyncio.gather(*(streamed() for _ in range(8)))
            assert all(chunks[-1].choices[0].finish_reason for chunks in answers)
    run(ask())


@case("helpers")
def stream_helper(road):
    with chat.stream(model=MODELS[road], messages=HELLO, max_tokens=8) as events:
        kinds = [event.type for event in events]
        message = events.get_final_completion().choices[0].message if road == "remote" else None
        assert events.current_completion_snapshot.choices[0].message.role == "assistant"
    assert "chunk" in kinds, kinds
    if road == "remote":
        assert message.content == "Hi there!"
        assert {"content.delta", "content.done"} <= set(kinds), kinds


@case("tools")
def five_turns(road):
    if road == "remote":
        assert [turns(stream) for stream in (False, True)] == [LOOPED, LOOPED]
        assert statuses() == [200] * 12
        return
    messages = list(HELLO)
    for _ in range(5):
        message = whole(lambda seed: called(messages, seed))
        one, = message.tool_calls
        assert json.loads(one.function.arguments)["step"] in (0, 1), one
        messages += [message, {"role": "tool", "tool_call_id": one.id, "content": "level 7"}]
    last = chat.create(model=MODELS[road], messages=messages, tools=[TOOL], tool_choice="none", max_tokens=8)
    assert not last.choices[0].message.tool_calls


def called(messages, seed):
    choice = chat.create(model=MODELS["local"], messages=messages, tools=[TOOL], tool_choice="required", parallel_tool_calls=False,
                         seed=seed, reasoning_effort="none", max_tokens=100).choices[0]
    return choice.message if choice.finish_reason == "tool_calls" else None


def turns(streamed):
    """What `loop` says in the end."""
    messages = list(HELLO)
    while True:
        asked = {"model": "loop", "messages": messages, "tools": [TOOL]}
        if streamed:
            with chat.stream(**asked) as events:
                choice = events.get_final_completion().choices[0]
        else:
            choice = chat.create(**asked).choices[0]
        message = choice.message
        if choice.finish_reason != "tool_calls":
            return json.loads(message.content)
        messages.append(message)
        messages += [{"role": "tool", "tool_call_id": call.id, "content": f"level {json.loads(call.function.arguments)['step']}"}
                     for call in message.tool_calls]


@case("tools")
def streamed_call(road):
    if road == "remote":
        with chat.stream(model="loop", messages=HELLO, tools=[openai.pydantic_function_tool(Step, name="level")]) as events:
            kinds = {event.type for event in events}
            call, = events.get_final_completion().choices[0].message.tool_calls
        assert "tool_calls.function.arguments.done" in kinds, kinds
        assert call.function.parsed_arguments == Step(step=0)
        return

    def ask(seed):
        try:
            with chat.stream(model=MODELS[road], messages=HELLO, tools=[TOOL], tool_choice="required", parallel_tool_calls=False,
                             seed=seed, reasoning_effort="none", max_tokens=100) as events:
                return events.get_final_completion().choices[0]
        except openai.LengthFinishReasonError:
            return None
    choice = whole(ask)
    assert choice.finish_reason == "tool_calls" and choice.message.tool_calls[0].function.parsed_arguments["step"] in (0, 1)


class Step(pydantic.BaseModel):
    step: int


@case("parse")
def parse(road):
    def ask(seed):
        try:
            return chat.parse(model="structured" if road == "remote" else MODELS[road], messages=HELLO, response_format=Colour,
                              seed=seed, reasoning_effort="none", max_tokens=100)
        except openai.LengthFinishReasonError:
            return None
    colour = whole(ask).choices[0].message.parsed
    assert isinstance(colour, Colour)
    assert road == "local" or colour.name == "red"


@case("reasoning")
def reasoning_is_sent_again(road):
    """The message goes back as it came, with what the model thought."""
    thinking = {"model": MODELS[road], "max_tokens": 20, "reasoning_effort": "high"}
    asked = {"model": "loop", "tools": [TOOL]} if road == "remote" else thinking
    for streamed in (False, True):
        if streamed:
            thought = "".join(getattr(choice.delta, "reasoning_content", None) or "" for chunk in
                              chat.create(**asked, messages=HELLO, stream=True) for choice in chunk.choices)
            assert thought
            assert road == "local" or thought == "thought 0"
            continue
        message = chat.create(**asked, messages=HELLO).choices[0].message
        assert message.reasoning_content
        message.reasoning_content = "mine"
        results = [{"role": "tool", "tool_call_id": call.id, "content": "level"} for call in message.tool_calls or ()]
        chat.create(**asked, messages=[*HELLO, message, *results, *([] if results else HELLO)])
    assert statuses() == [200] * 3


@case("reasoning", "remote")
def own_reasoning_reaches_the_upstream(road):
    messages = list(HELLO)
    for n in range(5):
        message = chat.create(model="loop", messages=messages, tools=[TOOL]).choices[0].message
        message.reasoning_content = f"mine {n}"
        messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "level"}]
    answer = chat.create(model="loop", messages=messages, tools=[TOOL])
    assert json.loads(answer.choices[0].message.content)["thoughts"] == [f"mine {n}" for n in range(5)]


@case("abort")
def abort(road):
    def begin_and_close():
        chunks = chat.create(model="endless" if road == "remote" else MODELS[road], messages=HELLO, max_tokens=900, stream=True)
        for _, _ in zip(range(2), chunks):
            pass
        chunks.close()
    hang_up(road, begin_and_close)


@case("abort")
def cancelled(road):
    async def begin_and_cancel():
        async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=KEY) as many:
            chunks = await many.chat.completions.create(
                model="endless" if road == "remote" else MODELS[road], messages=HELLO, max_tokens=900, stream=True)
            await cancel(chunks)
            await chunks.close()
    hang_up(road, lambda: run(begin_and_cancel()))


@case("abort", "remote")
def cancelled_before_the_head(road):
    async def wait():
        async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=KEY) as many:
            await cancel_waiting(many.chat.completions.create(model="silent", messages=HELLO))
    hang_up(road, lambda: run(wait()))


@case("retry", "remote")
def retried_until_it_answers(road):
    for status in (429, 503):
        assert chat.create(model=f"retry-{status}", messages=HELLO).choices[0].message.content == "3"
        assert statuses() == [status, status, 200]
        chunks = chat.create(model=f"retry-{status}", messages=HELLO, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "3"
        assert statuses() == [status, status, 200]


@case("retry", "remote")
def retried_in_its_turn(road):
    chunks = chat.create(model="held", messages=HELLO, stream=True)
    next(iter(chunks))
    in_turn(lambda: chat.create(model="held", messages=HELLO))
    list(chunks)


@case("retry")
def not_retried_when_it_is_of_no_use(road):
    raises(openai.RateLimitError, 429, lambda: client.with_options(api_key=POOR_KEY).chat.completions.create(
        model=MODELS[road], messages=HELLO), "insufficient_quota")
    raises(openai.BadRequestError, 400, lambda: chat.create(model=MODELS[road], messages=[]))
    assert statuses() == [429, 400]


@case("errors")
def errors(road):
    def ask(who=client, **members):
        return who.chat.completions.create(**{"model": MODELS[road], "messages": HELLO, "max_tokens": 4, **members})

    raises(openai.AuthenticationError, 401, lambda: ask(client.with_options(api_key="sk-wrong")), "invalid_api_key")
    error = raises(openai.BadRequestError, 400, lambda: ask(n=0))
    assert error.param == "n" and error.type == "invalid_request_error"
    raises(openai.BadRequestError, 400, lambda: ask(messages=[]), "empty_array")
    error = raises(openai.RateLimitError, 429, lambda: ask(client.with_options(api_key=POOR_KEY)), "insufficient_quota")
    assert error.type == "insufficient_quota"
    raises(openai.APIStatusError, 413, lambda: ask(messages=TOO_LARGE))


@case("errors", "local")
def a_prompt_that_is_too_long(road):
    raises(openai.BadRequestError, 400, lambda: chat.create(model=MODELS[road], messages=TOO_LONG), "context_length_exceeded")


@case("errors", "remote")
def errors_of_the_upstream(road):
    once = client.with_options(max_retries=0)

    def ask(status):
        return once.chat.completions.create(model=f"error-{status}", messages=HELLO)

    raises(openai.BadRequestError, 400, lambda: ask(400), "context_length_exceeded")
    raises(openai.InternalServerError, 503, lambda: ask(401), "upstream_unavailable")
    raises(openai.RateLimitError, 429, lambda: ask(429), "rate_limit_exceeded")
    raises(openai.InternalServerError, 502, lambda: ask(500), "upstream_error")
    raises(openai.NotFoundError, 404, lambda: chat.create(model="nothing", messages=HELLO), "model_not_found")
    raises(openai.NotFoundError, 404, lambda: client.models.retrieve("nothing"), "model_not_found")
    raises(openai.NotFoundError, 404, lambda: client.embeddings.create(model="mock", input="x"))


@case("errors", "remote")
def cut_stream(road):
    chunks = chat.create(model="cut", messages=HELLO, stream=True)
    try:
        seen = [chunk for chunk in chunks]
    except openai.APIError as error:
        assert not isinstance(error, openai.APIStatusError), error
        return
    raise AssertionError(f"a cut stream looked whole: {len(seen)} chunks")


main(f"openai-python {openai.__version__}")
