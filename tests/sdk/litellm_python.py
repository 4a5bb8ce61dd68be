"""litellm as a client, its provider `openai` pointed at Weir."""
import json
import os
from importlib.metadata import version
from typing import Literal

import pydantic

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched
import litellm  # noqa: E402
from cases import (  # noqa: E402
    BASE_URL, HELLO, KEY, LOOPED, MODELS, POOR_KEY, TOO_LARGE, TOO_LONG, TOOL, cancel, cancel_waiting, case, hang_up, in_turn, main, run,
    statuses, whole)

litellm.suppress_debug_info = True


class Colour(pydantic.BaseModel):
    name: Literal["red", "green"]


def asked(model, **members):
    return {"model": "openai/" + MODELS.get(model, model), "api_base": BASE_URL, "api_key": KEY, "messages": HELLO, "timeout": 60,
            "max_retries": 0, **members}


def ask(model, **members):
    return litellm.completion(**asked(model, **members))


@case("create")
def create(road):
    answer = ask(road, max_tokens=8)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert road == "local" or answer.choices[0].message.content == "Hi there!"


@case("create")
def asynchronous(road):
    answer = run(litellm.acompletion(**asked(road, max_tokens=8)))
    assert answer.choices[0].finish_reason in ("stop", "length")


@case("stream")
def stream(road):
    text, finish, usage = "", None, None
    for chunk in ask(road, max_tokens=8, stream=True, stream_options={"include_usage": True}):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
            finish = chunk.choices[0].finish_reason or finish
        usage = getattr(chunk, "usage", None) or usage
    assert finish in ("stop", "length") and usage.completion_tokens > 0
    assert road == "local" or text == "Hi there!"


@case("helpers")
def chunk_builder_and_batch(road):
    chunks = list(ask(road, max_tokens=8, stream=True))
    answer = litellm.stream_chunk_builder(chunks, messages=HELLO)
    assert answer.choices[0].message.role == "assistant"
    assert road == "local" or answer.choices[0].message.content == "Hi there!"
    members = asked(road, max_tokens=8)
    model, _ = members.pop("model"), members.pop("messages")
    answers = litellm.batch_completion(model=model, messages=[HELLO] * 4, **members)
    assert all(answer.choices[0].finish_reason for answer in answers), answers


def turns(streamed):
    messages = list(HELLO)
    while True:
        answer = ask("loop", messages=messages, tools=[TOOL], stream=streamed)
        if streamed:
            answer = litellm.stream_chunk_builder(list(answer), messages=messages)
        message = answer.choices[0].message
        if not message.tool_calls:
            return json.loads(message.content)
        messages.append(message.model_dump())
        messages += [{"role": "tool", "tool_call_id": call.id, "content": f"level {json.loads(call.function.arguments)['step']}"}
                     for call in message.tool_calls]


@case("tools")
def five_turns(road):
    if road == "remote":
        assert [turns(streamed) for streamed in (False, True)] == [LOOPED, LOOPED]
        assert statuses() == [200] * 12
        return
    messages = list(HELLO)
    for _ in range(5):
        def called(seed):
            choice = ask(road, messages=messages, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, seed=seed,
                         reasoning_effort="none", max_tokens=100).choices[0]
            return choice.message if choice.finish_reason == "tool_calls" else None
        message = whole(called)
        one, = message.tool_calls
        assert json.loads(one.function.arguments)["step"] in (0, 1)
        messages += [message, {"role": "tool", "tool_call_id": one.id, "content": "level 7"}]
    assert not ask(road, messages=messages, tools=[TOOL], tool_choice="none", max_tokens=8).choices[0].message.tool_calls


@case("parse")
def structured(road):
    def parsed(seed):
        choice = ask("structured" if road == "remote" else road, response_format=Colour, seed=seed, reasoning_effort="none",
                     max_tokens=100).choices[0]
        return Colour.model_validate_json(choice.message.content) if choice.finish_reason == "stop" else None
    colour = whole(parsed)
    assert road == "local" or colour.name == "red"


@case("reasoning")
def reasoning_is_sent_again(road):
    members = {"tools": [TOOL]} if road == "remote" else {"max_tokens": 20, "reasoning_effort": "high"}
    model = "loop" if road == "remote" else road
    thought = "".join(getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in ask(model, **members, stream=True))
    assert thought if road == "local" else thought == "thought 0"
    messages = list(HELLO)
    for n in range(5 if road == "remote" else 1):
        message = ask(model, messages=messages, **members).choices[0].message
        assert message.reasoning_content
        message.reasoning_content = f"mine {n}"
        results = [{"role": "tool", "tool_call_id": call.id, "content": "level"} for call in message.tool_calls or ()]
        messages += [message, *(results or HELLO)]
    answer = ask(model, messages=messages, **members)
    assert road == "local" or json.loads(answer.choices[0].message.content)["thoughts"] == [f"mine {n}" for n in range(5)]


@case("abort")
def abort(road):
    def begin_and_close():
        chunks = ask("endless" if road == "remote" else road, max_tokens=900, stream=True)
        for _, _ in zip(range(2), chunks):
            pass
        chunks.completion_stream.close()
    hang_up(road, begin_and_close)


@case("abort")
def cancelled(road):
    async def begin_and_cancel():
        chunks = await litellm.acompletion(**asked("endless" if road == "remote" else road, max_tokens=900, stream=True))
        await cancel(chunks)
        await chunks.aclose()
    hang_up(road, lambda: run(begin_and_cancel()))


@case("abort", "remote")
def cancelled_before_the_head(road):
    hang_up(road, lambda: run(cancel_waiting(litellm.acompletion(**asked("silent")))))


@case("retry", "remote")
def retried_until_it_answers(road):
    for status in (429, 503):
        assert ask(f"retry-{status}", max_retries=2).choices[0].message.content == "3"
        assert statuses() == [status, status, 200]


@case("retry", "remote")
def retried_in_its_turn(road):
    chunks = ask("held", stream=True)
    next(iter(chunks))
    in_turn(lambda: ask("held", max_retries=2))
    list(chunks)


@case("retry")
def not_retried_when_it_is_of_no_use(road):
    raises(litellm.RateLimitError, 429, lambda: ask(road, api_key=POOR_KEY, max_retries=2))
    assert statuses() == [429]


def raises(kind, status, call):
    try:
        call()
    except Exception as error:
        assert type(error) is kind, (type(error), kind, error)
        assert error.status_code == status, error
        return
    raise AssertionError(f"{kind.__name__} was not raised")


@case("errors")
def errors(road):
    raises(litellm.AuthenticationError, 401, lambda: ask(road, api_key="sk-wrong"))
    raises(litellm.BadRequestError, 400, lambda: ask(road, temperature=9))
    raises(litellm.RateLimitError, 429, lambda: ask(road, api_key=POOR_KEY))
    raises(litellm.APIError, 413, lambda: ask(road, messages=TOO_LARGE))


@case("errors", "local")
def a_prompt_that_is_too_long(road):
    raises(litellm.ContextWindowExceededError, 400, lambda: ask(road, messages=TOO_LONG))


@case("errors", "remote")
def errors_of_the_upstream(road):
    raises(litellm.BadRequestError, 400, lambda: ask("error-400"))
    raises(litellm.ServiceUnavailableError, 503, lambda: ask("error-401"))
    raises(litellm.RateLimitError, 429, lambda: ask("error-429"))
    raises(litellm.BadGatewayError, 502, lambda: ask("error-500"))
    raises(litellm.NotFoundError, 404, lambda: ask("nothing"))


@case("errors", "remote")
def cut_stream(road):
    try:
        seen = list(ask("cut", stream=True))
    except (litellm.APIError, litellm.exceptions.MidStreamFallbackError):
        return
    raise AssertionError(f"a cut stream looked whole: {len(seen)} chunks")


main(f"litellm {version('litellm')}")
