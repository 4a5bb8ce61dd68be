// The Vercel AI SDK with its provider for servers that speak OpenAI's dialect, and with its OpenAI provider in chat mode.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, isStepCount, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import {
    apiKey, baseURL, hangUp, hello, inTurn, looped, main, models, poorKey, served, statuses, test, tooLarge, tooLong, whole,
} from "./cases.mjs";

const { version } = createRequire(import.meta.url)("./node_modules/ai/package.json");
const providerFor = (key) =>
    createOpenAICompatible({ name: "weir", baseURL, apiKey: key, includeUsage: true, supportsStructuredOutputs: true });
const weir = providerFor(apiKey);
const openai = createOpenAI({ baseURL, apiKey });
const steps = isStepCount ?? stepCountIs;
const level = tool({
    description: "The water's level.", inputSchema: z.object({ step: z.number().int() }), execute: ({ step }) => `level ${step}`,
});
const prompt = hello[0].content;
const quiet = { onError: () => {} }; // streamText logs by itself

test("create", async function create(road) {
    for (const model of [weir(models[road]), openai.chat(models[road])]) {
        const answer = await generateText({ model, prompt, maxOutputTokens: 8 });
        assert.ok(["stop", "length"].includes(answer.finishReason), answer.finishReason);
        assert.equal(answer.usage.totalTokens, answer.usage.inputTokens + answer.usage.outputTokens);
        if (road === "remote") assert.equal(answer.text, "Hi there!");
    }
});

test("stream", async function stream(road) {
    for (const model of [weir(models[road]), openai.chat(models[road])]) {
        const answer = streamText({ model, prompt, maxOutputTokens: 8, ...quiet });
        let text = "";
        for await (const part of answer.textStream) text += part;
        assert.ok(["stop", "length"].includes(await answer.finishReason));
        assert.ok((await answer.usage).outputTokens > 0);
        if (road === "remote") assert.equal(text, "Hi there!");
    }
});

// What a page of a chat is fed with.
test("helpers", async function uiMessages(road) {
    const answer = streamText({ model: weir(models[road]), prompt, maxOutputTokens: 8, ...quiet });
    const text = await answer.toUIMessageStreamResponse().text();
    assert.match(text, /"type":"finish"/);
    if (road === "remote") assert.match(text, /"type":"text-delta"/);
});

async function calledOnce(messages, seed) {
    const asked = { model: weir(models.local), messages, seed, toolChoice: "required", maxOutputTokens: 100 };
    const tools = { level: tool({ inputSchema: z.object({ step: z.literal([0, 1]) }), strict: true }) };
    const answer = await generateText({ ...asked, tools, providerOptions: { weir: { reasoningEffort: "none" } } });
    return answer.finishReason === "tool-calls" && answer.toolCalls.length === 1 ? answer : undefined;
}

test("tools", async function fiveTurns(road) {
    if (road === "remote") {
        const asked = { model: weir("loop"), prompt, tools: { level }, stopWhen: steps(10) };
        const answer = await generateText(asked);
        assert.deepEqual(JSON.parse(answer.text), looped);
        assert.equal(answer.steps.length, 6);
        assert.deepEqual(JSON.parse(await streamText({ ...asked, ...quiet }).text), looped);
        assert.deepEqual(await statuses(), Array(12).fill(200));
        return;
    }
    const messages = [...hello];
    for (let n = 0; n < 5; n++) {
        const answer = await whole((seed) => calledOnce(messages, seed));
        const [{ toolCallId, toolName, input }] = answer.toolCalls;
        assert.ok([0, 1].includes(input.step), input);
        const output = { type: "text", value: "level 7" };
        messages.push(...answer.response.messages, { role: "tool", content: [{ type: "tool-result", toolCallId, toolName, output }] });
    }
    const last = await generateText({ model: weir(models.local), messages, tools: { level }, toolChoice: "none", maxOutputTokens: 8 });
    assert.equal(last.toolCalls.length, 0);
});

test("parse", async function output(road) {
    for (const model of [weir, openai.chat]) {
        const answer = await whole(async (seed) => {
            const given = await generateText({
                model: model(road === "remote" ? "structured" : models[road]), prompt, seed, maxOutputTokens: 100,
                output: Output.object({ schema: z.object({ name: z.enum(["red", "green"]) }) }),
                providerOptions: { weir: { reasoningEffort: "none" }, openai: { reasoningEffort: "none" } },
            });
            return given.finishReason === "stop" ? given : undefined;
        });
        assert.ok(road === "remote" ? answer.output.name === "red" : ["red", "green"].includes(answer.output.name));
    }
});

test("reasoning", async function reasoningIsSentAgain(road) {
    if (road === "remote") {
        const answer = await generateText({ model: weir("loop"), prompt, tools: { level }, stopWhen: steps(10) });
        assert.deepEqual(answer.steps.slice(0, 5).map((step) => step.reasoningText), looped.thoughts);
        // Changed, to see that what the client sends is what the upstream gets.
        const said = answer.steps.slice(0, 5).flatMap((step) => step.response.messages);
        const messages = JSON.parse(JSON.stringify(said).replaceAll("thought", "mine"));
        const last = await generateText({ model: weir("loop"), messages: [...hello, ...messages], tools: { level } });
        assert.deepEqual(JSON.parse(last.text).thoughts, looped.thoughts.map((text) => text.replace("thought", "mine")));
        return;
    }
    const asked = { model: weir(models[road]), maxOutputTokens: 20, providerOptions: { weir: { reasoningEffort: "high" } } };
    const answer = await generateText({ ...asked, prompt });
    assert.ok(answer.reasoningText);
    await generateText({ ...asked, messages: [...hello, ...answer.response.messages, ...hello] });
    const streamed = streamText({ ...asked, prompt, ...quiet });
    assert.ok(await streamed.reasoningText);
    assert.deepEqual(await statuses(), [200, 200, 200]);
});

test("abort", async function abort(road) {
    await hangUp(road, async () => {
        const controller = new AbortController();
        const model = weir(road === "remote" ? "endless" : models[road]);
        const answer = streamText({ model, prompt, maxOutputTokens: 900, abortSignal: controller.signal, ...quiet });
        for await (const part of answer.fullStream) {
            if (["text-delta", "reasoning-delta"].includes(part.type)) controller.abort();
        }
    });
});

test("abort", async function abortBeforeTheHead(road) {
    await hangUp(road, async () => {
        const controller = new AbortController();
        const asked = generateText({ model: weir("silent"), prompt, abortSignal: controller.signal });
        served("asked").then(() => controller.abort());
        await assert.rejects(asked, { name: "AbortError" });
    });
}, ["remote"]);

test("retry", async function retriedUntilItAnswers() {
    for (const status of [429, 503]) {
        const answer = await generateText({ model: weir(`retry-${status}`), prompt });
        assert.equal(answer.text, "3");
        assert.deepEqual(await statuses(), [status, status, 200]);
        assert.equal(await streamText({ model: weir(`retry-${status}`), prompt, ...quiet }).text, "3");
        assert.deepEqual(await statuses(), [status, status, 200]);
    }
}, ["remote"]);

test("retry", async function retriedInItsTurn() {
    const chunks = streamText({ model: weir("held"), prompt, ...quiet }).textStream[Symbol.asyncIterator]();
    await chunks.next();
    await inTurn(() => generateText({ model: weir("held"), prompt }));
}, ["remote"]);

async function rejects(status, call, code) {
    try {
        await call();
    } catch (error) {
        assert.ok(APICallError.isInstance(error), error);
        assert.equal(error.statusCode, status);
        assert.equal(JSON.parse(error.responseBody).error.code, code);
        assert.equal(error.data.error.code, code);
        return error;
    }
    assert.fail("nothing was thrown");
}

test("retry", async function notRetriedWhenItIsOfNoUse(road) {
    await rejects(400, () => generateText({ model: weir(models[road]), prompt, temperature: 9 }), "decimal_above_max_value");
    assert.deepEqual(await statuses(), [400]);
});

test("errors", async function errors(road) {
    const ask = (members, by = weir) => generateText({ model: by(models[road]), prompt, maxOutputTokens: 4, maxRetries: 0, ...members });
    await rejects(401, () => ask({}, providerFor("sk-wrong")), "invalid_api_key");
    const error = await rejects(400, () => ask({ temperature: 9 }), "decimal_above_max_value");
    assert.equal(error.isRetryable, false);
    await rejects(429, () => ask({}, providerFor(poorKey)), "insufficient_quota");
    await rejects(413, () => ask({ prompt: tooLarge }), "request_too_large");
});

test("errors", async function aPromptThatIsTooLong(road) {
    await rejects(400, () => generateText({ model: weir(models[road]), prompt: tooLong }), "context_length_exceeded");
}, ["local"]);

test("errors", async function errorsOfTheUpstream() {
    const ask = (model) => generateText({ model: weir(model), prompt, maxRetries: 0 });
    await rejects(400, () => ask("error-400"), "context_length_exceeded");
    await rejects(503, () => ask("error-401"), "upstream_unavailable");
    await rejects(429, () => ask("error-429"), "rate_limit_exceeded");
    await rejects(502, () => ask("error-500"), "upstream_error");
    await rejects(404, () => ask("nothing"), "model_not_found");
}, ["remote"]);

test("errors", async function cutStream() {
    await assert.rejects(async () => {
        for await (const part of streamText({ model: weir("cut"), prompt, ...quiet }).fullStream) {
            if (part.type === "error") throw part.error;
        }
    });
}, ["remote"]);

await main(`ai ${version}`);
