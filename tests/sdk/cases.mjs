// What the scripts of the JavaScript clients share: their list of cases, and what the server knows of their requests.
import assert from "node:assert/strict";

export const { BASE_URL: baseURL, KEY: apiKey, POOR_KEY: poorKey } = process.env;
export const hello = [{ role: "user", content: "Hello" }];
export const models = { local: "deepseek-v4", remote: "mock" };
// What `loop` says after five calls, if all came to it: results and reasoning.
export const looped = { results: [0, 1, 2, 3, 4].map((n) => `level ${n}`), thoughts: [0, 1, 2, 3, 4].map((n) => `thought ${n}`) };
export const tooLarge = "x".repeat(2 << 20);
export const tooLong = "word ".repeat(8000); // for the engine's n_ctx

const cases = [];

// A case is called with its road; roads: both, if left out.
export function test(feature, f, roads = Object.keys(models)) {
    for (const road of roads) cases.push([feature, road, f]);
}

// Asks the other side of the server (Served in sdk.py).
export async function served(what) {
    return await (await fetch(`${process.env.SERVED_URL}/${what}`)).json();
}

// Calls what asks for `held` while another has it: it is to come again after a second, and does.
export async function inTurn(ask) {
    await Promise.all([served("refused"), ask()]);
    assert.deepEqual(new Set(await statuses()), new Set([200, 429]));
}

// The requests since it was last asked, all ended, holding nothing; and how many streams the upstream saw hung up.
export async function news() {
    return await served("news");
}

export async function statuses() {
    return (await news()).requests.map((request) => Number(request.status));
}

// Calls what breaks off one stream; the server must see it go, the upstream too. The engine's random weights may end an
// answer before that: then once more.
export async function hangUp(road, f) {
    for (let i = 0; i < 20; i++) {
        await f();
        const { requests, n_hung_up } = await news();
        const [outcome, ...others] = requests.map((request) => request.outcome);
        assert.equal(others.length, 0);
        if (outcome === "client_gone") return assert.equal(n_hung_up, road === "remote" ? 1 : 0);
        assert.ok(road === "local" && ["ok", "length"].includes(outcome), outcome);
    }
    assert.fail("every answer ended by itself");
}

// The first answer that its limit does not cut, of a function of the seed that says undefined for one that is cut: random
// weights may write blanks until then.
export async function whole(ask) {
    for (let seed = 0; seed < 20; seed++) {
        const answer = await ask(seed);
        if (answer !== undefined) return answer;
    }
    assert.fail("no answer ended");
}

export async function main(version) {
    let nFailed = 0;
    console.log(version, "node", process.version);
    for (const [feature, road, f] of cases) {
        const begun = performance.now();
        try {
            await news();
            await f(road);
            console.log("ok     ", feature, road, f.name, `${((performance.now() - begun) / 1000).toFixed(1)} s`);
        } catch (error) {
            nFailed++;
            console.log("FAILED ", feature, road, f.name, error);
        }
    }
    console.log(`${cases.length - nFailed} held, ${nFailed} failed`);
    process.exit(nFailed ? 1 : 0);
}
