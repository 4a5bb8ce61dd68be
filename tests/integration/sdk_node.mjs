// openai-node against the program: run by sdk.py, which sets BASE_URL, KEY and POOR_KEY.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { LengthFinishReasonError } from "openai/core/error";

const { BASE_URL: baseURL, KEY: apiKey, POOR_KEY: poorKey } = process.env;
const roads = ["deepseek-v4", "mock"];
const messages = [{ role: "user", content: "Hello" }];
const client = new OpenAI({ baseURL, apiKey, timeout: 60_000 });

async function rejects(kind, status, call, code) {
    try {
        await call();
    } catch (error) {
        assert.equal(error.constructor, kind);
        assert.equal(error.status, status);
        if (code !== undefined) assert.equal(error.code, code);
        assert.ok(error.requestID, "no request id");
        return error;
    }
    assert.fail(`${kind.name} was not thrown`);
}

async function create(model) {
    const answer = await client.chat.completions.create({ model, messages, max_tokens: 8 });
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
    assert.ok(answer._request_id);
}

async function stream(model) {
    const chunks = await client.chat.completions.create({
        model, messages, max_tokens: 8, stream: true, stream_options: { include_usage: true },
    });
    let finish, usage;
    for await (const chunk of chunks) {
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
    }
    assert.ok(["stop", "length"].includes(finish));
    assert.ok(usage.completion_tokens > 0);
}

async function streamHelper(model) {
    const runner = client.chat.completions.stream({ model, messages, max_tokens: 8 });
    let n = 0;
    runner.on("chunk", () => n++);
    const answer = await runner.finalChatCompletion();
    assert.ok(n > 0);
    assert.equal(answer.choices[0].message.role, "assistant");
}

// The first answer that its limit does not cut: random weights may leave blanks until then.
async function whole(ask) {
    for (let seed = 0; seed < 20; seed++) {
        try {
            return await ask({ model: "deepseek-v4", messages, seed, reasoning_effort: "none", max_tokens: 100 });
        } catch (error) {
            if (!(error instanceof LengthFinishReasonError)) throw error;
        }
    }
    assert.fail("no answer ended");
}

async function tools() {
    const parameters = { type: "object", additionalProperties: false, properties: {}, required: [] };
    const offered = ["flow", "level"].map((name) => ({ type: "function", function: { name, strict: true, parameters } }));
    const answer = await client.chat.completions.create({ model: "fault-13", messages, tools: offered });
    assert.equal(answer.choices[0].finish_reason, "tool_calls");
    const choice = (await whole((members) => client.chat.completions
        .stream({ ...members, tools: offered, tool_choice: "required", parallel_tool_calls: false })
        .finalChatCompletion())).choices[0];
    const [call] = choice.message.tool_calls;
    assert.equal(choice.finish_reason, "tool_calls");
    assert.deepEqual(call.function.parsed_arguments, {});
    const { name, arguments: text } = call.function;
    const turn = [
        { role: "assistant", tool_calls: [{ id: call.id, type: "function", function: { name, arguments: text } }] },
        { role: "tool", tool_call_id: call.id, content: "7" },
    ];
    for (const model of roads) {
        await client.chat.completions.create({ model, messages: [...messages, ...turn], tools: offered, max_tokens: 4 });
    }
}

async function parse() {
    const schema = {
        type: "object", additionalProperties: false, required: ["name"],
        properties: { name: { type: "string", enum: ["red", "green"] } },
    };
    const response_format = { type: "json_schema", json_schema: { name: "colour", strict: true, schema } };
    const answer = await whole((members) => client.chat.completions.parse({ ...members, response_format }));
    assert.ok(["red", "green"].includes(answer.choices[0].message.parsed.name));
}

async function together(model) {
    const asked = Array.from({ length: 8 }, () =>
        client.chat.completions.create({ model, messages, max_tokens: 8, temperature: 0 }));
    for (const answer of await Promise.all(asked)) assert.ok(answer.choices[0].finish_reason);
}

async function abort() {
    for (const model of ["ok-n1000-ms20", "deepseek-v4"]) {
        const chunks = await client.chat.completions.create({ model, messages, max_tokens: 900, stream: true });
        let n = 0;
        for await (const _ of chunks) {
            if (++n === 2) chunks.controller.abort();
        }
        const controller = new AbortController();
        const asked = client.chat.completions.create({ model, messages, max_tokens: 900, stream: true },
            { signal: controller.signal });
        setImmediate(() => controller.abort());
        await asked.then(async (late) => { for await (const _ of late); }).catch((error) => {
            assert.ok(error instanceof OpenAI.APIUserAbortError, error);
        });
    }
}

async function models() {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    for (const model of roads) assert.ok(listed.includes(model));
    assert.equal((await client.models.retrieve("mock")).id, "mock");
}

async function errors() {
    const ask = (members, who = client) =>
        who.chat.completions.create({ model: "mock", messages, max_tokens: 4, ...members });
    await rejects(OpenAI.AuthenticationError, 401, () => ask({}, client.withOptions({ apiKey: "sk-wrong" })), "invalid_api_key");
    await rejects(OpenAI.NotFoundError, 404, () => ask({ model: "nothing" }), "model_not_found");
    const bad = await rejects(OpenAI.BadRequestError, 400, () => ask({ n: 0 }));
    assert.equal(bad.param, "n");
    const poor = await rejects(OpenAI.RateLimitError, 429, () => ask({}, client.withOptions({ apiKey: poorKey })), "insufficient_quota");
    assert.equal(poor.type, "insufficient_quota");
    await rejects(OpenAI.InternalServerError, 502, () => ask({ model: "fault-4" }, client.withOptions({ maxRetries: 0 })));
}

async function cutStream() {
    const chunks = await client.chat.completions.create({ model: "fault-7-k3", messages, stream: true });
    await assert.rejects(async () => { for await (const _ of chunks); }, OpenAI.APIError);
}

const cases = roads.flatMap((model) => [create, stream, streamHelper, together].map((f) => [`${f.name} ${model}`, () => f(model)]));
cases.push(...[tools, parse, abort, models, errors, cutStream].map((f) => [f.name, f]));

let nFailed = 0;
console.log("openai-node", JSON.parse(readFileSync(new URL("node_modules/openai/package.json", import.meta.url))).version, "node", process.version);
for (const [name, run] of cases) {
    try {
        await run();
        console.log("ok     ", name);
    } catch (error) {
        nFailed++;
        console.log("FAILED ", name, error);
    }
}
console.log(`${cases.length - nFailed} passed, ${nFailed} failed`);
process.exit(nFailed ? 1 : 0);
