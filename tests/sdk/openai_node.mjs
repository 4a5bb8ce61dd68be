// openai-node, the newest and 4.104, which has its helpers below `beta`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
    apiKey, baseURL, hangUp, hello, inTurn, looped, main, models, poorKey, served, statuses, test, tooLarge, tooLong, whole,
} from "./cases.mjs";

const { version } = JSON.parse(readFileSync(new URL("node_modules/openai/package.json", import.meta.url)));
const client = new OpenAI({ baseURL, apiKey, timeout: 60_000 });
const keyed = (key) => new OpenAI({ baseURL, apiKey: key });
const chat = client.chat.completions;
const helpers = chat.runTools ? chat : client.beta.chat.completions;
const step = { type: "object", additionalProperties: false, required: ["step"], properties: { step: { type: "integer", enum: [0, 1] } } };
const tool = { type: "function", function: { name: "level", description: "The water's level.", strict: true, parameters: step } };

async function rejects(kind, status, call, code) {
    try {
        await call();
    } catch (error) {
        assert.equal(error.constructor, kind, error);
        assert.equal(error.status, status);
        if (code !== undefined) assert.equal(error.code, code);
        assert.ok(error.requestID ?? error.request_id, "no request id");
        return error;
    }
    assert.fail(`${kind.name} was not thrown`);
}

// Of an answer that its limit cut: undefined.
async function unlessCut(ask) {
    try {
        return await ask();
    } catch (error) {
        if (error.constructor.name !== "LengthFinishReasonError") throw error;
    }
}

test("create", async function create(road) {
    const answer = await chat.create({ model: models[road], messages: hello, max_tokens: 8 });
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.ok(answer._request_id);
    if (road === "remote") assert.equal(answer.choices[0].message.content, "Hi there!");
});

test("create", async function eightAtOnce(road) {
    const asked = Array.from({ length: 8 }, () => chat.create({ model: models[road], messages: hello, max_tokens: 8, temperature: 0 }));
    for (const answer of await Promise.all(asked)) assert.ok(answer.choices[0].finish_reason);
});

test("create", async function listModels(road) {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    assert.ok(listed.includes(models[road]));
    assert.equal((await client.models.retrieve(models[road])).id, models[road]);
});

test("stream", async function stream(road) {
    const chunks = await chat.create({
        model: models[road], messages: hello, max_tokens: 8, stream: true, stream_options: { include_usage: true },
    });
    let text = "", finish, usage;
    for await (const chunk of chunks) {
        text += chunk.choices[0]?.delta.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
    }
    assert.ok(["stop", "length"].includes(finish));
    assert.ok(usage.completion_tokens > 0);
    if (road === "remote") assert.equal(text, "Hi there!");
});

test("helpers", async function streamHelper(road) {
    const runner = helpers.stream({ model: models[road], messages: hello, max_tokens: 8 });
    let n = 0, text = "";
    runner.on("chunk", () => n++).on("content", (delta) => { text += delta; });
    const answer = await runner.finalChatCompletion();
    assert.ok(n > 0);
    assert.equal(answer.choices[0].message.role, "assistant");
    if (road === "remote") assert.equal(text, "Hi there!");
});

// A tool that openai-node calls by itself; `parse` takes the arguments' text.
const runnable = {
    type: "function",
    function: {
        name: "level", description: "The water's level.", parse: JSON.parse, function: ({ step }) => `level ${step}`,
        parameters: { type: "object", properties: { step: { type: "integer" } } },
    },
};

test("helpers", async function runTools() {
    for (const stream of [false, true]) {
        const runner = helpers.runTools({ model: "loop", messages: hello, tools: [runnable], stream });
        const said = JSON.parse(await runner.finalContent());
        // Of a streamed message the old one keeps the last piece of what it does not know.
        if (stream && chat !== helpers) said.thoughts = said.thoughts.map((text) => text.replace("ught", "thought"));
        assert.deepEqual(said, looped);
    }
    assert.deepEqual(await statuses(), Array(12).fill(200));
}, ["remote"]);

async function called(messages, seed) {
    return await unlessCut(async () => {
        const asked = { model: models.local, messages, seed, tools: [tool], tool_choice: "required", parallel_tool_calls: false };
        const runner = helpers.stream({ ...asked, reasoning_effort: "none", max_tokens: 100 });
        const [choice] = (await runner.finalChatCompletion()).choices;
        return choice.finish_reason === "tool_calls" ? choice.message : undefined;
    });
}

test("tools", async function fiveTurns(road) {
    const messages = [...hello];
    const answer = ({ id, function: { name, arguments: text } }) => {
        messages.push({ role: "assistant", content: null, tool_calls: [{ id, type: "function", function: { name, arguments: text } }] });
        messages.push({ role: "tool", tool_call_id: id, content: `level ${JSON.parse(text).step}` });
    };
    for (let n = 0; n < 5; n++) {
        const message = road === "local" ? await whole((seed) => called(messages, seed))
            : (await chat.create({ model: "loop", messages, tools: [tool] })).choices[0].message;
        assert.equal(message.tool_calls.length, 1);
        answer(message.tool_calls[0]);
    }
    const last = { model: road === "local" ? models.local : "loop", messages, tools: [tool], max_tokens: 100 };
    const { message } = (await chat.create({ ...last, tool_choice: road === "local" ? "none" : "auto" })).choices[0];
    if (road === "remote") assert.deepEqual(JSON.parse(message.content), looped);
    else assert.equal(message.tool_calls, undefined);
});

test("parse", async function parse(road) {
    const Colour = z.object({ name: z.enum(["red", "green"]) });
    const answer = await whole((seed) => unlessCut(() => helpers.parse({
        model: road === "remote" ? "structured" : models[road], messages: hello, seed, reasoning_effort: "none", max_tokens: 100,
        response_format: zodResponseFormat(Colour, "colour"),
    })));
    const { name } = answer.choices[0].message.parsed;
    assert.ok(road === "remote" ? name === "red" : ["red", "green"].includes(name));
});

test("reasoning", async function reasoningIsSentAgain(road) {
    const thinking = { model: models[road], max_tokens: 20, reasoning_effort: "high" };
    const asked = road === "remote" ? { model: "loop", tools: [tool] } : thinking;
    let thought = "";
    for await (const chunk of await chat.create({ ...asked, messages: hello, stream: true })) {
        thought += chunk.choices[0]?.delta.reasoning_content ?? "";
    }
    assert.ok(road === "remote" ? thought === "thought 0" : thought);
    const messages = [...hello];
    for (let n = 0; n < (road === "remote" ? 5 : 1); n++) {
        const { message } = (await chat.create({ ...asked, messages })).choices[0];
        assert.ok(message.reasoning_content);
        message.reasoning_content = `mine ${n}`;
        const results = (message.tool_calls ?? []).map(({ id }) => ({ role: "tool", tool_call_id: id, content: "level" }));
        messages.push(message, ...(results.length ? results : hello));
    }
    const { content } = (await chat.create({ ...asked, messages })).choices[0].message;
    if (road === "remote") assert.deepEqual(JSON.parse(content).thoughts, [0, 1, 2, 3, 4].map((n) => `mine ${n}`));
});

const endless = (road) => ({ model: road === "remote" ? "endless" : models[road], messages: hello, max_tokens: 900, stream: true });

test("abort", async function abort(road) {
    await hangUp(road, async () => {
        const chunks = await chat.create(endless(road));
        let n = 0;
        for await (const _ of chunks) if (++n === 2) chunks.controller.abort();
    });
});

test("abort", async function leaveTheLoop(road) {
    await hangUp(road, async () => {
        for await (const _ of await chat.create(endless(road))) break;
    });
});

test("abort", async function signal(road) {
    await hangUp(road, async () => {
        const controller = new AbortController();
        const runner = helpers.stream(endless(road), { signal: controller.signal });
        runner.on("chunk", () => controller.abort());
        await runner.done().catch((error) => assert.ok(error instanceof OpenAI.APIUserAbortError, error));
    });
});

test("abort", async function abortBeforeTheHead(road) {
    await hangUp(road, async () => {
        const controller = new AbortController();
        const asked = chat.create({ model: "silent", messages: hello }, { signal: controller.signal });
        served("asked").then(() => controller.abort());
        await assert.rejects(asked, OpenAI.APIUserAbortError);
    });
}, ["remote"]);

test("retry", async function retriedUntilItAnswers() {
    for (const status of [429, 503]) {
        const answer = await chat.create({ model: `retry-${status}`, messages: hello });
        assert.equal(answer.choices[0].message.content, "3");
        assert.deepEqual(await statuses(), [status, status, 200]);
        let text = "";
        for await (const chunk of await chat.create({ model: `retry-${status}`, messages: hello, stream: true })) {
            text += chunk.choices[0]?.delta.content ?? "";
        }
        assert.equal(text, "3");
        assert.deepEqual(await statuses(), [status, status, 200]);
    }
}, ["remote"]);

test("retry", async function retriedInItsTurn() {
    const chunks = (await chat.create({ model: "held", messages: hello, stream: true }))[Symbol.asyncIterator]();
    await chunks.next();
    await inTurn(() => chat.create({ model: "held", messages: hello }));
}, ["remote"]);

test("retry", async function notRetriedWhenItIsOfNoUse(road) {
    await rejects(OpenAI.RateLimitError, 429, () => keyed(poorKey).chat.completions.create({ model: models[road], messages: hello }),
        "insufficient_quota");
    await rejects(OpenAI.BadRequestError, 400, () => chat.create({ model: models[road], messages: [] }));
    assert.deepEqual(await statuses(), [429, 400]);
});

test("errors", async function errors(road) {
    const ask = (members, who = client) =>
        who.chat.completions.create({ model: models[road], messages: hello, max_tokens: 4, ...members });
    await rejects(OpenAI.AuthenticationError, 401, () => ask({}, keyed("sk-wrong")), "invalid_api_key");
    const bad = await rejects(OpenAI.BadRequestError, 400, () => ask({ n: 0 }));
    assert.equal(bad.param, "n");
    assert.equal(bad.type, "invalid_request_error");
    const poor = await rejects(OpenAI.RateLimitError, 429, () => ask({}, keyed(poorKey)), "insufficient_quota");
    assert.equal(poor.type, "insufficient_quota");
    await rejects(OpenAI.APIError, 413, () => ask({ messages: [{ role: "user", content: tooLarge }] }));
});

test("errors", async function aPromptThatIsTooLong(road) {
    await rejects(OpenAI.BadRequestError, 400, () => chat.create({ model: models[road], messages: [{ role: "user", content: tooLong }] }),
        "context_length_exceeded");
}, ["local"]);

test("errors", async function errorsOfTheUpstream() {
    const ask = (status) => chat.create({ model: `error-${status}`, messages: hello }, { maxRetries: 0 });
    await rejects(OpenAI.BadRequestError, 400, () => ask(400), "context_length_exceeded");
    await rejects(OpenAI.InternalServerError, 503, () => ask(401), "upstream_unavailable");
    await rejects(OpenAI.RateLimitError, 429, () => ask(429), "rate_limit_exceeded");
    await rejects(OpenAI.InternalServerError, 502, () => ask(500), "upstream_error");
    await rejects(OpenAI.NotFoundError, 404, () => chat.create({ model: "nothing", messages: hello }), "model_not_found");
    await rejects(OpenAI.NotFoundError, 404, () => client.models.retrieve("nothing"), "model_not_found");
}, ["remote"]);

test("errors", async function cutStream() {
    const chunks = await chat.create({ model: "cut", messages: hello, stream: true });
    await assert.rejects(async () => { for await (const _ of chunks); }, OpenAI.APIError);
}, ["remote"]);

await main(`openai-node ${version}`);
