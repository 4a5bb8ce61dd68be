"""LangChain's ChatOpenAI. It keeps no reasoning_content, so Weir puts it back where an upstream wants it."""
import json
from importlib.metadata import version
from typing import Literal

import openai
import pydantic
from cases import (
    BASE_URL, KEY, LOOPED, MODELS, POOR_KEY, TOO_LARGE, TOO_LONG, cancel, cancel_waiting, case, hang_up, in_turn, main, run, statuses,
    whole)
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


class Colour(pydantic.BaseModel):
    """A colour."""
    name: Literal["red", "green"]


@tool
def level(step: Literal[0, 1, 2, 3, 4]) -> str:
    """The water's level."""
    return f"level {step}"


def chat(model, key=KEY, **members):
    return ChatOpenAI(base_url=BASE_URL, api_key=key, model=MODELS.get(model, model), timeout=60, **members)


@case("create")
def invoke(road):
    answer = chat(road, max_tokens=8).invoke("Hello")
    assert answer.usage_metadata["output_tokens"] > 0
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    assert road == "local" or answer.content == "Hi there!"


@case("stream")
def stream(road):
    whole = None
    for chunk in chat(road, max_tokens=8, stream_usage=True).stream("Hello"):
        whole = chunk if whole is None else whole + chunk
    assert whole.usage_metadata["output_tokens"] > 0
    assert whole.response_metadata["finish_reason"] in ("stop", "length")
    assert road == "local" or whole.content == "Hi there!"


@case("helpers")
def batch_and_events(road):
    model = chat(road, max_tokens=8)
    assert len(model.batch(["Hello"] * 8)) == 8

    async def events():
        return [event["event"] async for event in model.astream_events("Hello")]
    seen = run(events())
    assert {"on_chat_model_start", "on_chat_model_stream", "on_chat_model_end"} <= set(seen), seen


def turns(model, streamed):
    bound = model.bind_tools([level])
    messages = [HumanMessage("Hello")]
    while True:
        if streamed:
            answer = None
            for chunk in bound.stream(messages):
                answer = chunk if answer is None else answer + chunk
        else:
            answer = bound.invoke(messages)
        if not answer.tool_calls:
            return json.loads(answer.content)
        messages += [answer, *(level.invoke(call) for call in answer.tool_calls)]


@case("tools")
def five_turns(road):
    if road == "remote":
        assert [turns(chat("loop"), streamed) for streamed in (False, True)] == [LOOPED, LOOPED]
        assert statuses() == [200] * 12
        return
    messages = [HumanMessage("Hello")]
    for _ in range(5):
        def ask(seed):
            model = chat(road, seed=seed, reasoning_effort="none", max_tokens=100)
            answer = model.bind_tools([level], tool_choice="any", strict=True, parallel_tool_calls=False).invoke(messages)
            return answer if answer.response_metadata["finish_reason"] == "tool_calls" else None
        answer = whole(ask)
        messages += [answer, *(level.invoke(call) for call in answer.tool_calls)]
        assert isinstance(messages[-1], ToolMessage) and messages[-1].content.startswith("level ")
    assert not chat(road, max_tokens=8).bind_tools([level], tool_choice="none").invoke(messages).tool_calls


@case("parse")
def structured_output(road):
    def ask(seed):
        model = chat("structured" if road == "remote" else road, seed=seed, reasoning_effort="none", max_tokens=100)
        try:
            return model.with_structured_output(Colour, method="json_schema", strict=True).invoke("Hello")
        except openai.LengthFinishReasonError:
            return None
    colour = whole(ask)
    assert isinstance(colour, Colour)
    assert road == "local" or colour.name == "red"


@case("reasoning")
def thoughts_come_back(road):
    """That they do on the remote road is seen by the upstream: LangChain itself sends none."""
    if road == "remote":
        assert turns(chat("loop"), False)["thoughts"] == LOOPED["thoughts"]
        return
    model = chat(road, max_tokens=20, reasoning_effort="high")
    answer = model.invoke("Hello")
    assert answer.usage_metadata["output_token_details"]["reasoning"] > 0
    model.invoke([HumanMessage("Hello"), answer, HumanMessage("Hello")])
    assert statuses() == [200, 200]


@case("abort")
def abort(road):
    def begin_and_close():
        chunks = chat("endless" if road == "remote" else road, max_tokens=900).stream("Hello")
        for _, _ in zip(range(2), chunks):
            pass
        chunks.close()
    hang_up(road, begin_and_close)


@case("abort")
def cancelled(road):
    model = chat("endless" if road == "remote" else road, max_tokens=900, stream_chunk_timeout=None)
    hang_up(road, lambda: run(cancel(model.astream("Hello"))))


@case("abort", "remote")
def cancelled_before_the_head(road):
    hang_up(road, lambda: run(cancel_waiting(chat("silent").ainvoke("Hello"))))


@case("retry", "remote")
def retried_until_it_answers(road):
    for status in (429, 503):
        assert chat(f"retry-{status}").invoke("Hello").content == "3"
        assert statuses() == [status, status, 200]


@case("retry", "remote")
def retried_in_its_turn(road):
    chunks = chat("held").stream("Hello")
    next(iter(chunks))
    in_turn(lambda: chat("held").invoke("Hello"))
    list(chunks)


@case("retry")
def not_retried_when_it_is_of_no_use(road):
    raises(openai.RateLimitError, 429, lambda: chat(road, POOR_KEY).invoke("Hello"), "insufficient_quota")
    assert statuses() == [429]


def raises(kind, status, call, code):
    try:
        call()
    except openai.APIStatusError as error:
        assert isinstance(error, kind), (type(error), kind)
        assert (error.status_code, error.code) == (status, code), error
        return
    raise AssertionError(f"{kind.__name__} was not raised")


@case("errors")
def errors(road):
    raises(openai.AuthenticationError, 401, lambda: chat(road, "sk-wrong").invoke("Hello"), "invalid_api_key")
    raises(openai.BadRequestError, 400, lambda: chat(road).invoke([]), "empty_array")
    raises(openai.BadRequestError, 400, lambda: chat(road, temperature=9).invoke("Hello"), "decimal_above_max_value")
    raises(openai.RateLimitError, 429, lambda: chat(road, POOR_KEY).invoke("Hello"), "insufficient_quota")
    raises(openai.APIStatusError, 413, lambda: chat(road).invoke(TOO_LARGE), "request_too_large")


@case("errors", "local")
def a_prompt_that_is_too_long(road):
    raises(openai.BadRequestError, 400, lambda: chat(road).invoke(TOO_LONG), "context_length_exceeded")


@case("errors", "remote")
def errors_of_the_upstream(road):
    def ask(status):
        return chat(f"error-{status}", max_retries=0).invoke("Hello")

    raises(openai.BadRequestError, 400, lambda: ask(400), "context_length_exceeded")
    raises(openai.InternalServerError, 503, lambda: ask(401), "upstream_unavailable")
    raises(openai.RateLimitError, 429, lambda: ask(429), "rate_limit_exceeded")
    raises(openai.InternalServerError, 502, lambda: ask(500), "upstream_error")
    raises(openai.NotFoundError, 404, lambda: chat("nothing").invoke("Hello"), "model_not_found")


@case("errors", "remote")
def cut_stream(road):
    try:
        seen = list(chat("cut").stream("Hello"))
    except openai.APIError as error:
        assert not isinstance(error, openai.APIStatusError), error
        return
    raise AssertionError(f"a cut stream looked whole: {len(seen)} chunks")


main(f"langchain-openai {version('langchain-openai')}, openai {openai.__version__}")
