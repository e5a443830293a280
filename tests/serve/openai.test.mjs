// SPDX-License-Identifier: MIT
// What existing clients expect of docs/formats/http.md: openai and @langchain/openai as npm gives
// them, and HTTP as it stands on the wire.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { ChatOpenAI, OpenAI as LangChainCompletion } from "@langchain/openai";
import OpenAI from "openai";

import { ask, bytesOf, complete, head, metric, post, score, statuses, stop, stream, sum, untilIdle,
         url, wire } from "./server.mjs";

after(stop);

const model = "tiny", prompt = "It was the ";
let nFetches = 0;
const countingFetch = (...request) => { nFetches++; return fetch(...request); };
const client = new OpenAI({ apiKey: "none", baseURL: url + "/v1", fetch: countingFetch });
const near = (a, b, limit = 1e-9) => assert.ok(Math.abs(a - b) <= limit, `${a} and ${b}`);
const collect = async (chunks) => { const all = []; for await (const c of chunks) all.push(c); return all; };

// ------------------------------------------------------------------------ the openai client

test("openai: a completion has all fields", async () => {
  const c = await client.completions.create({ model, prompt });
  assert.match(c.id, /^cmpl-/);
  assert.deepEqual([c.object, c.model, c.choices.length], ["text_completion", model, 1]);
  const [choice] = c.choices;
  assert.deepEqual([choice.index, choice.logprobs, choice.finish_reason], [0, null, "length"]);
  assert.equal(bytesOf(choice).length, 16);
  assert.deepEqual(c.usage, { prompt_tokens: 11, completion_tokens: 16, total_tokens: 27 });
  assert.ok(Math.abs(c.created - Date.now() / 1000) < 60);
});

test("openai: temperature 0 is the likeliest byte each time", async () => {
  const c = await client.completions.create({ model, prompt, temperature: 0, logprobs: 3 });
  const { tokens, token_logprobs, top_logprobs } = c.choices[0].logprobs;
  assert.equal(tokens.join(""), c.choices[0].text);
  top_logprobs.forEach((top, i) => {
    assert.equal(Object.keys(top).length, 3);
    assert.equal(Math.max(...Object.values(top)), token_logprobs[i]);
    assert.equal(top[tokens[i]], token_logprobs[i]);
  });
});

test("openai: the same seed writes the same, another does not", async () => {
  const write = async (seed) => (await client.completions.create(
    { model, prompt, seed, max_tokens: 60 })).choices[0].text;
  assert.equal(await write(7), await write(7));
  assert.notEqual(await write(7), await write(8));
  assert.equal(await write(-3), await write(-3));
});

test("openai: without a seed texts differ", async () => {
  const write = async () => (await client.completions.create(
    { model, prompt, max_tokens: 60 })).choices[0].text;
  assert.notEqual(await write(), await write());
});

test("openai: n choices are different, and the first is that of n = 1", async () => {
  const c = await client.completions.create({ model, prompt, n: 5, seed: 1, max_tokens: 40 });
  assert.deepEqual(c.choices.map((x) => x.index), [0, 1, 2, 3, 4]);
  assert.equal(new Set(c.choices.map((x) => x.text)).size, 5);
  const one = await client.completions.create({ model, prompt, seed: 1, max_tokens: 40 });
  assert.equal(one.choices[0].text, c.choices[0].text);
  assert.equal(c.usage.completion_tokens, 200);
});

test("openai: best_of gives the likeliest per byte", async () => {
  const ask4 = { model, prompt, seed: 4, max_tokens: 20, logprobs: 0 };
  const all = await client.completions.create({ ...ask4, n: 8 });
  const best = await client.completions.create({ ...ask4, n: 2, best_of: 8 });
  const mean = (c) => sum(c.logprobs.token_logprobs) / c.logprobs.token_logprobs.length;
  const order = [...all.choices].sort((a, b) => mean(b) - mean(a)).map((c) => c.text);
  assert.deepEqual(best.choices.map((c) => c.text), order.slice(0, 2));
  assert.equal(best.usage.completion_tokens, 160);
});

test("openai: echo gives the prompt first", async () => {
  const c = await client.completions.create({ model, prompt, echo: true, max_tokens: 4, seed: 1 });
  assert.ok(c.choices[0].text.startsWith(prompt));
  assert.equal(bytesOf(c.choices[0]).length, prompt.length + 4);
});

test("openai: echo with max_tokens 0 is the prompt alone", async () => {
  const c = await client.completions.create({ model, prompt, echo: true, max_tokens: 0, logprobs: 0 });
  assert.deepEqual([c.choices[0].text, c.choices[0].finish_reason], [prompt, "length"]);
  assert.equal(c.choices[0].logprobs.tokens.length, prompt.length);
  assert.equal(c.usage.completion_tokens, 0);
});

test("openai: a stop string ends the text and is not in it", async () => {
  const whole = (await client.completions.create({ model, prompt, seed: 3, max_tokens: 80 })).choices[0].text;
  const stopAt = whole.slice(20, 23);
  const c = await client.completions.create({ model, prompt, seed: 3, max_tokens: 80, stop: stopAt });
  assert.equal(c.choices[0].text, whole.slice(0, whole.indexOf(stopAt)));
  assert.equal(c.choices[0].finish_reason, "stop");
});

test("openai: of four stop strings the first to come ends it", async () => {
  const whole = (await client.completions.create({ model, prompt, seed: 5, max_tokens: 80 })).choices[0].text;
  const stops = [whole.slice(60, 64), whole.slice(30, 34), "QQQQ", whole.slice(45, 49)];
  const end = Math.min(...stops.map((s) => whole.indexOf(s)).filter((at) => at >= 0));
  const c = await client.completions.create({ model, prompt, seed: 5, max_tokens: 80, stop: stops });
  assert.equal(c.choices[0].text, whole.slice(0, end));
});

test("openai: logit_bias forbids and forces", async () => {
  const e = "e".charCodeAt(0), x = "x".charCodeAt(0);
  const without = await client.completions.create(
    { model, prompt, max_tokens: 200, seed: 1, logit_bias: { [e]: -100 } });
  assert.ok(!without.choices[0].text.includes("e"));
  const forced = await client.completions.create({ model, prompt, max_tokens: 8, logit_bias: { [x]: 100 } });
  assert.equal(forced.choices[0].text, "xxxxxxxx");
});

test("openai: top_p near 0 is greedy", async () => {
  const greedy = await client.completions.create({ model, prompt, temperature: 0, max_tokens: 30 });
  for (const top_p of [0, 1e-6]) {
    const c = await client.completions.create({ model, prompt, top_p, max_tokens: 30 });
    assert.equal(c.choices[0].text, greedy.choices[0].text);
  }
});

test("openai: prompts as bytes, and as lists", async () => {
  const bytes = [...Buffer.from(prompt)], all = { model, temperature: 0, max_tokens: 12 };
  const text = async (p) => (await client.completions.create({ ...all, prompt: p })).choices.map((c) => c.text);
  const [expected] = await text(prompt);
  assert.deepEqual(await text(bytes), [expected]);
  assert.deepEqual(await text([prompt, prompt]), [expected, expected]);
  assert.deepEqual(await text([bytes, [...Buffer.from("The ")], bytes]),
                   [expected, (await text("The "))[0], expected]);
});

test("openai: choices of a batch are numbered by prompt", async () => {
  const c = await client.completions.create({ model, prompt: ["a", "b", "c"], n: 2, echo: true, max_tokens: 1 });
  assert.deepEqual(c.choices.map((x) => [x.index, x.text[0]]),
                   [[0, "a"], [1, "a"], [2, "b"], [3, "b"], [4, "c"], [5, "c"]]);
});

test("openai: an empty prompt begins a text", async () => {
  const c = await client.completions.create({ model, prompt: "", max_tokens: 5 });
  assert.equal(bytesOf(c.choices[0]).length, 5);
  assert.equal(c.usage.prompt_tokens, 0);
});

test("openai: a stream says what the answer says", async () => {
  const body = { model, prompt, seed: 9, max_tokens: 300 };
  const whole = await client.completions.create(body);
  const chunks = await collect(await client.completions.create({ ...body, stream: true }));
  assert.equal(chunks.map((c) => c.choices[0].text).join(""), whole.choices[0].text);
  assert.deepEqual(chunks.map((c) => c.choices[0].finish_reason).filter(Boolean), ["length"]);
  assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
  assert.ok(chunks.length < 300, "bytes come together");
});

test("openai: stream_options give the usage in a last chunk without choices", async () => {
  const chunks = await collect(await client.completions.create(
    { model, prompt, max_tokens: 10, stream: true, stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, { prompt_tokens: 11, completion_tokens: 10, total_tokens: 21 });
  assert.ok(chunks.every((c) => c.usage === null));
});

test("openai: a stream of several choices keeps them apart", async () => {
  const body = { model, prompt: ["a", "b"], n: 3, seed: 2, max_tokens: 50 };
  const whole = await client.completions.create(body);
  const texts = Array(6).fill("");
  for await (const c of await client.completions.create({ ...body, stream: true }))
    texts[c.choices[0].index] += c.choices[0].text;
  assert.deepEqual(texts, whole.choices.map((c) => c.text));
});

test("openai: a stream with echo and logprobs has them all", async () => {
  const body = { model, prompt, seed: 2, max_tokens: 40, echo: true, logprobs: 2 };
  const whole = (await client.completions.create(body)).choices[0];
  const parts = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for await (const c of await client.completions.create({ ...body, stream: true }))
    for (const key of Object.keys(parts)) parts[key].push(...c.choices[0].logprobs[key]);
  assert.deepEqual(parts, whole.logprobs);
});

test("openai: a stop string never shows in a stream", async () => {
  const whole = (await client.completions.create({ model, prompt, seed: 3, max_tokens: 80 })).choices[0].text;
  const stopAt = whole.slice(40, 46);
  const chunks = await collect(await client.completions.create(
    { model, prompt, seed: 3, max_tokens: 80, stop: [stopAt], stream: true }));
  assert.equal(chunks.map((c) => c.choices[0].text).join(""), whole.slice(0, whole.indexOf(stopAt)));
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
});

test("openai: chat answers", async () => {
  const c = await client.chat.completions.create(
    { model, messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi" }] });
  assert.equal(c.object, "chat.completion");
  assert.equal(c.choices[0].message.role, "assistant");
  assert.equal(typeof c.choices[0].message.content, "string");
  assert.ok(["stop", "length"].includes(c.choices[0].finish_reason));
});

test("openai: chat is the completion of its template", async () => {
  const messages = [{ role: "developer", content: "Be brief." }, { role: "user", content: "Hi" },
                    { role: "assistant", content: "Yes?" },
                    { role: "user", content: [{ type: "text", text: "Who " }, { type: "text", text: "are you" }] }];
  const text = "Be brief.\n\nUser: Hi\nAssistant: Yes?\nUser: Who are you\nAssistant: ";
  const chat = await client.chat.completions.create({ model, messages, seed: 1, max_tokens: 30 });
  const plain = await client.completions.create(
    { model, prompt: text, seed: 1, max_tokens: 30, stop: "\nUser: " });
  assert.equal(chat.choices[0].message.content, plain.choices[0].text);
  assert.equal(chat.usage.prompt_tokens, text.length);
});

test("openai: chat streams its role, its text, its end", async () => {
  const body = { model, messages: [{ role: "user", content: "Hi" }], seed: 1, max_completion_tokens: 60 };
  const whole = await client.chat.completions.create(body);
  const chunks = await collect(await client.chat.completions.create({ ...body, stream: true }));
  assert.deepEqual(chunks[0].choices[0].delta, { role: "assistant", content: "" });
  assert.deepEqual(chunks.at(-1).choices[0].delta, {});
  assert.equal(chunks.map((c) => c.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  assert.equal(chunks.at(-1).choices[0].finish_reason, whole.choices[0].finish_reason);
});

test("openai: the client's own accumulator is content with the stream", async () => {
  const runner = client.chat.completions.stream(
    { model, messages: [{ role: "user", content: "Hi" }], seed: 1, max_tokens: 20 });
  const done = await runner.finalChatCompletion();
  assert.equal(Buffer.byteLength(done.choices[0].message.content), 20);
});

test("openai: chat logprobs carry exact bytes", async () => {
  const c = await client.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }],
    logprobs: true, top_logprobs: 4, max_tokens: 25, seed: 3 });
  const { content } = c.choices[0].logprobs;
  assert.deepEqual(Buffer.from(content.flatMap((t) => t.bytes)), bytesOf(c.choices[0]));
  for (const t of content) {
    assert.equal(t.top_logprobs.length, 4);
    assert.ok(t.top_logprobs.every((o, i, all) => i === 0 || all[i - 1].logprob >= o.logprob));
    assert.ok(t.logprob <= t.top_logprobs[0].logprob);
  }
});

test("openai: models are listed and found", async () => {
  const list = await collect(client.models.list());
  assert.deepEqual(list.map((m) => m.id), [model]);
  assert.equal((await client.models.retrieve(model)).object, "model");
  await assert.rejects(client.models.retrieve("gpt-4"), OpenAI.NotFoundError);
});

test("openai: another model is not found, and not asked for again", async () => {
  nFetches = 0;
  await assert.rejects(client.completions.create({ model: "davinci", prompt }),
    (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found" && e.param === "model");
  assert.equal(nFetches, 1);
});

test("openai: a bad request says what is wrong, once", async () => {
  nFetches = 0;
  await assert.rejects(client.completions.create({ model, prompt, temperature: 3 }),
    (e) => e instanceof OpenAI.BadRequestError && e.type === "invalid_request_error"
           && e.param === "temperature" && /0 to 2/.test(e.message));
  assert.equal(nFetches, 1);
});

test("openai: a busy server is asked again", async () => {
  const big = { model, prompt, n: 16, max_tokens: 60000, stream: true };
  const streams = [];
  for (let i = 0; i < 4; i++) streams.push(await client.completions.create(big));
  nFetches = 0;
  await assert.rejects(client.completions.create({ model, prompt, n: 16, max_tokens: 60000 }),
    (e) => e instanceof OpenAI.RateLimitError && e.code === "busy"
           && e.headers.get("retry-after-ms") === "200");
  assert.equal(nFetches, 3);
  const waiting = client.completions.create({ model, prompt, n: 16, max_tokens: 30000 });
  streams.forEach((s) => s.controller.abort());
  (await waiting.asResponse().catch(() => {}), await waiting);
  assert.ok(await untilIdle());
});

test("openai: leaving a stream ends the work", async () => {
  const cancelled = await metric("bitloom_http_cancelled_total");
  for (let i = 0; i < 5; i++) {
    const chunks = await client.completions.create({ model, prompt, n: 8, max_tokens: 60000, stream: true });
    for await (const c of chunks) { if (c) break; }
  }
  assert.ok(await untilIdle());
  assert.equal(await metric("bitloom_http_cancelled_total"), cancelled + 5);
});

test("openai: leaving before the answer ends the work", async () => {
  const controller = new AbortController();
  const waiting = client.completions.create({ model, prompt, n: 16, max_tokens: 60000 }, { signal: controller.signal });
  while (await metric("bitloom_activities") === 0);
  controller.abort();
  await assert.rejects(waiting, OpenAI.APIUserAbortError);
  assert.ok(await untilIdle());
});

test("openai: sixteen requests at once are each answered as if alone", async () => {
  const write = async (seed) => (await client.completions.create(
    { model, prompt, seed, max_tokens: 50 })).choices[0].text;
  const together = await Promise.all(Array.from({ length: 16 }, (_, i) => write(i)));
  for (let i = 0; i < 16; i += 5) assert.equal(await write(i), together[i]);
});

// ------------------------------------------------------------------------------- LangChain

const langchain = { model, apiKey: "none", configuration: { baseURL: url + "/v1" } };

test("langchain: chat answers", async () => {
  const answer = await new ChatOpenAI({ ...langchain, maxTokens: 20 }).invoke("Hi");
  assert.equal(typeof answer.content, "string");
  assert.equal(answer.usage_metadata.output_tokens, 20);
});

test("langchain: chat streams, with usage at the end", async () => {
  const chunks = await collect(await new ChatOpenAI({ ...langchain, maxTokens: 30 }).stream("Hi"));
  assert.ok(chunks.map((c) => c.content).join("").length > 0);
  assert.equal(sum(chunks.map((c) => c.usage_metadata?.output_tokens ?? 0)), 30);
});

test("langchain: system and assistant messages, temperature 0", async () => {
  const chat = new ChatOpenAI({ ...langchain, temperature: 0, maxTokens: 12 });
  const messages = [["system", "Be brief."], ["human", "Hi"], ["ai", "Yes?"], ["human", "Go on"]];
  assert.equal((await chat.invoke(messages)).content, (await chat.invoke(messages)).content);
});

test("langchain: chat with n, stop and logprobs", async () => {
  const chat = new ChatOpenAI({ ...langchain, maxTokens: 20, n: 3, logprobs: true, topLogprobs: 2 });
  const { generations } = await chat.generate([[["human", "Hi"]]], { stop: ["e"] });
  assert.equal(generations[0].length, 3);
  assert.ok(generations[0].every((g) => !g.text.includes("e")));
});

test("langchain: a completion, a batch and a stream", async () => {
  const llm = new LangChainCompletion({ ...langchain, maxTokens: 15, temperature: 0 });
  const one = await llm.invoke(prompt);
  assert.equal(Buffer.byteLength(one), 15);
  assert.deepEqual(await llm.batch([prompt, prompt]), [one, one]);
  assert.equal((await collect(await llm.stream(prompt))).join(""), one);
});

test("langchain: tools are refused in words", async () => {
  const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
  await assert.rejects(new ChatOpenAI({ ...langchain, maxRetries: 0 }).bindTools([tool]).invoke("Hi"),
                       /tools is not supported/);
});

// ------------------------------------------------------------------------- log-likelihoods

test("logprobs: the prompt costs what bitloom score says", async () => {
  for (const text of ["It was the best of times, it was the worst of times", "ab",
                      "Ein Käfer – größer als 3 µm\n\n", "x".repeat(1500)]) {
    const c = await complete({ prompt: text, echo: true, max_tokens: 0, logprobs: 1 });
    const [first, ...rest] = c.choices[0].logprobs.token_logprobs;
    assert.equal(first, null);
    near(sum(rest), score(Buffer.from(text)));
  }
});

test("logprobs: what is written costs what reading it costs", async () => {
  const c = await complete({ prompt, max_tokens: 60, seed: 1, logprobs: 0 });
  const all = [...Buffer.from(prompt), ...bytesOf(c.choices[0])];
  const read = await complete({ prompt: [all], echo: true, max_tokens: 0, logprobs: 0 });
  assert.deepEqual(read.choices[0].logprobs.token_logprobs.slice(prompt.length),
                   c.choices[0].logprobs.token_logprobs);
});

test("logprobs: the request of lm-evaluation-harness", async () => {
  const texts = ["The quick brown fox", "jumps", "over"].map((t) => [...Buffer.from(t)]);
  const { json } = await ask("/v1/completions", { model, prompt: texts, temperature: 0, max_tokens: 1,
                                                 logprobs: 1, seed: 1234, echo: true });
  json.choices.forEach((choice, i) => {
    const { token_logprobs, top_logprobs, tokens, text_offset } = choice.logprobs;
    for (const list of [token_logprobs, top_logprobs, tokens, text_offset])
      assert.equal(list.length, texts[i].length + 1);
    near(sum(token_logprobs.slice(1, -1)), score(Buffer.from(texts[i])));
    for (let k = 1; k < tokens.length; k++) // is_greedy
      assert.equal(token_logprobs[k] === Math.max(...Object.values(top_logprobs[k])),
                   Object.entries(top_logprobs[k]).sort((a, b) => b[1] - a[1])[0][1] === top_logprobs[k][tokens[k]]);
  });
});

test("logprobs: a batch equals its parts", async () => {
  const prompts = Array.from({ length: 40 }, (_, i) => "prompt number " + i);
  const batch = await complete({ prompt: prompts, echo: true, max_tokens: 0, logprobs: 1 });
  for (const i of [0, 17, 39]) {
    const alone = await complete({ prompt: prompts[i], echo: true, max_tokens: 0, logprobs: 1 });
    assert.deepEqual(batch.choices[i].logprobs, alone.choices[0].logprobs);
  }
});

test("logprobs: all 256 bytes add up to one", async () => {
  const { json } = await ask(`/v2/models/${model}/infer`, { inputs: [
    { name: "bytes", datatype: "UINT8", shape: [3], data: [...Buffer.from("The")] }] });
  near(sum(json.outputs[0].data.map(Math.exp)), 1, 1e-5);
});

test("logprobs: text_offset counts code points", async () => {
  const c = await complete({ prompt: "aé€😀z", echo: true, max_tokens: 0, logprobs: 0 });
  const { tokens, text_offset } = c.choices[0].logprobs;
  assert.deepEqual(text_offset, [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4]);
  assert.deepEqual(tokens.slice(0, 3), ["a", "bytes:\\xc3", "bytes:\\xa9"]);
});

// ----------------------------------------------------------------------------------- UTF-8

const accents = { "195": 100, "169": 100 }; // C3 A9 is é; in another order they are nothing

test("utf-8: raw bytes are replaced in text and exact in bytes_b64", async () => {
  const c = await complete({ prompt: "", max_tokens: 40, seed: 1, logit_bias: accents });
  const bytes = bytesOf(c.choices[0]);
  assert.ok(bytes.every((b) => b === 0xC3 || b === 0xA9) && bytes.length === 40);
  assert.equal(c.choices[0].text, bytes.toString("utf8"));
  assert.ok(c.choices[0].text.includes("é") && c.choices[0].text.includes("\uFFFD"));
});

test("utf-8: streams never split a character", async () => {
  const body = { prompt: "", max_tokens: 400, seed: 1, logit_bias: accents };
  const whole = (await complete(body)).choices[0];
  const { events, isDone } = await stream("/v1/completions", body);
  assert.ok(isDone);
  assert.equal(events.map((e) => e.choices[0].text).join(""), whole.text);
  assert.deepEqual(Buffer.concat(events.map((e) => bytesOf(e.choices[0]))), bytesOf(whole));
  for (const e of events) assert.equal(e.choices[0].text, bytesOf(e.choices[0]).toString("utf8"));
});

test("utf-8: an answer that is valid text is valid in pieces too", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { events } = await stream("/v1/chat/completions",
      { messages: [{ role: "user", content: "é" }], max_tokens: 7, seed, logit_bias: accents });
    const text = events.map((e) => e.choices[0].delta.content ?? "").join("");
    const bytes = Buffer.concat(events.map((e) => bytesOf({ bytes_b64: e.choices[0].bytes_b64 ?? "" })));
    assert.equal(text, bytes.toString("utf8"));
    assert.equal(bytes.length, 7);
  }
});

test("utf-8: a byte prompt may end in the middle of a character", async () => {
  const c = await complete({ prompt: [0x61, 0xC3], echo: true, max_tokens: 1, logit_bias: { "169": 100 } });
  assert.equal(c.choices[0].text, "aé");
});

test("utf-8: NUL is a byte like others", async () => {
  const c = await complete({ prompt: "\u0000a\u0000", echo: true, max_tokens: 0, logprobs: 1 });
  assert.equal(c.choices[0].text, "\u0000a\u0000");
  assert.equal(c.choices[0].logprobs.tokens[0], "bytes:\\x00");
});

// ----------------------------------------------------------------------------- other routes

test("tokens are bytes", async () => {
  const { json } = await ask("/tokenize", { prompt: "é!", add_special_tokens: false });
  assert.deepEqual(json, { count: 3, tokens: [195, 169, 33] });
  assert.deepEqual((await ask("/tokenize", { content: "ab" })).json.tokens, [97, 98]);
  const back = (await ask("/detokenize", { tokens: [195, 169, 33, 255] })).json;
  assert.deepEqual(back, { prompt: "é!\uFFFD", content: "é!\uFFFD", bytes_b64: "w6kh/w==" });
  assert.equal((await ask("/tokenizer_info")).json.eos_token, "\u0000");
});

test("health and metrics", async () => {
  assert.deepEqual((await ask("/health")).json, { status: "ok" });
  const { text, headers } = await ask("/metrics");
  assert.match(headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  for (const line of text.trim().split("\n"))
    assert.match(line, /^(# (HELP|TYPE) [a-z_:]+ .+|[a-z_:]+ [0-9.e+-]+)$/);
  assert.ok(await metric("llamacpp:tokens_predicted_total") > 0);
});

test("inference protocol: who is there", async () => {
  assert.deepEqual((await ask("/v2")).json.extensions, ["sequence", "binary_tensor_data"]);
  assert.deepEqual((await ask("/v2/health/live")).json, { live: true });
  assert.deepEqual((await ask("/v2/health/ready")).json, { ready: true });
  const { json } = await ask("/v2/models/tiny");
  assert.deepEqual([json.inputs[0].name, json.outputs[0].shape], ["bytes", [256]]);
  assert.deepEqual((await ask("/v2/models/tiny/ready")).json, { name: model, ready: true });
  assert.equal((await ask("/v2/models/other")).status, 404);
});

const tensor = (text, more = {}) => ({ name: "bytes", datatype: "UINT8", shape: [Buffer.byteLength(text)],
                                       data: [...Buffer.from(text)], ...more });
const infer = (body) => ask(`/v2/models/${model}/infer`, body);

test("inference protocol: a sequence in pieces is the whole text", async () => {
  const whole = (await infer({ id: "7", inputs: [tensor("It was")] })).json;
  assert.equal(whole.id, "7");
  for (const sequence_id of [42, "a session"]) {
    await infer({ parameters: { sequence_id, sequence_start: true }, inputs: [tensor("It")] });
    await infer({ parameters: { sequence_id }, inputs: [tensor(" w")] });
    const last = await infer({ parameters: { sequence_id, sequence_end: true }, inputs: [tensor("as")] });
    assert.deepEqual(last.json.outputs, whole.outputs);
    const gone = await infer({ parameters: { sequence_id }, inputs: [tensor("x")] });
    assert.equal(gone.status, 400);
    assert.match(gone.json.error, /sequence_start/);
  }
});

test("inference protocol: binary tensors", async () => {
  const text = "It was", json = JSON.stringify({ inputs: [{ name: "bytes", datatype: "UINT8", shape: [1, 6],
    parameters: { binary_data_size: 6 } }], outputs: [{ name: "logprobs", parameters: { binary_data: true } }] });
  const answer = await fetch(`${url}/v2/models/${model}/infer`, { method: "POST", body: json + text,
    headers: { "inference-header-content-length": String(json.length) } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const at = Number(answer.headers.get("inference-header-content-length"));
  const [output] = JSON.parse(bytes.subarray(0, at)).outputs;
  assert.deepEqual([output.shape, output.parameters.binary_data_size], [[1, 256], 1024]);
  const expected = (await infer({ inputs: [tensor(text)] })).json.outputs[0].data;
  for (let i = 0; i < 256; i++) assert.equal(bytes.readFloatLE(at + 4 * i), expected[i]);
});

// ---------------------------------------------------------------------------- HTTP itself

test("http: connections are kept", async () => {
  const text = await wire([post("/v1/completions", { prompt, max_tokens: 3 }), head("GET", "/health"),
                           post("/tokenize", { prompt }), head("GET", "/v1/models")]);
  assert.deepEqual(statuses(text), [200, 200, 200, 200]);
});

test("http: GETs may be sent ahead", async () => {
  const text = await wire([head("GET", "/health") + head("GET", "/v1/models") + head("GET", "/nothing")]);
  assert.deepEqual(statuses(text), [200, 200, 404]);
  const behind = await wire([post("/v1/completions", { prompt, max_tokens: 200 }) + head("GET", "/health")]);
  assert.deepEqual(statuses(behind), [200, 200]);
});

test("http: POSTs sent ahead are refused, the one before is answered", async () => {
  const one = post("/v1/completions", { prompt, max_tokens: 200 });
  assert.deepEqual(statuses(await wire([one + one + one])), [200, 503]);
  assert.deepEqual(statuses(await wire([head("GET", "/health") + one + one])), [200, 503]);
  assert.equal((await ask("/health")).status, 200);
});

test("http: requests may come in pieces", async () => {
  const text = post("/v1/completions", { prompt, max_tokens: 3 });
  assert.deepEqual(statuses(await wire([text.slice(0, 9), text.slice(9, 60), text.slice(60, -4), text.slice(-4)])), [200]);
});

test("http: HEAD has no body, HTTP/1.0 no chunks", async () => {
  const text = await wire([head("HEAD", "/health") + head("GET", "/health")]);
  assert.deepEqual([statuses(text).length, text.match(/"ok"/g).length], [2, 1]);
  const old = await wire([post("/v1/completions", { prompt, stream: true }).replace("HTTP/1.1", "HTTP/1.0")]);
  assert.match(old, /\r\n\r\ndata: \{/);
  assert.match(old, /data: \[DONE\]\n\n$/);
});

test("http: wrong paths, methods and hosts", async () => {
  assert.equal((await ask("/v1/nothing")).json.error.code, "not_found");
  const got = await ask("/v1/completions");
  assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
  assert.deepEqual(statuses(await wire([head("OPTIONS", "/v1/models")])), [405]);
  assert.deepEqual(statuses(await wire([head("DELETE", "/v1/models/tiny")])), [405]);
  const evil = post("/v1/completions", { prompt }).replace(/Host: .*\r/, "Host: evil.example\r");
  assert.deepEqual(statuses(await wire([evil])), [403]);
  const elsewhere = await ask("/v1/completions", { prompt }, { Origin: "http://evil.example" });
  assert.deepEqual([elsewhere.status, elsewhere.json.error.code], [403, "forbidden"]);
});

test("http: bodies that are too long, absent or chunked", async () => {
  assert.equal((await ask("/tokenize", "x".repeat(1048577))).status, 413);
  assert.equal((await ask("/tokenize", JSON.stringify({ prompt: "x".repeat(1000000) }))).json.count, 1000000);
  assert.deepEqual(statuses(await wire([head("POST", "/tokenize")])), [411]);
  assert.deepEqual(statuses(await wire([head("POST", "/tokenize", { "Transfer-Encoding": "chunked" })])), [411]);
  assert.deepEqual(statuses(await wire([head("POST", "/tokenize", { "Content-Length": "99999999999" })])), [413]);
  assert.deepEqual(statuses(await wire([head("POST", "/tokenize", { "Content-Length": "-1" })])), [413]);
  assert.deepEqual(statuses(await wire([head("POST", "/tokenize", { "Content-Length": "0" })])), [400]);
});

test("http: bodies that are not what they should be", async () => {
  for (const body of ["", "{", "null", "[]", "3", "\xff", '{"prompt":"a","prompt":"b"}', "[".repeat(100000),
                      `{"prompt":${"[".repeat(33)}${"]".repeat(33)}}`, '{"prompt":"\\ud800"}'])
    for (const path of ["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize", "/v2/models/tiny/infer"])
      assert.equal((await ask(path, body)).status, 400, path + " " + body.slice(0, 40));
});

test("http: fields that are not what they should be", async () => {
  const wrong = { prompt: [3, true, {}, [], [256], [-1], [1.5], ["a", 1], [[]].concat([[300]])],
    max_tokens: [-1, 1.5, "5", 70000], temperature: [-0.1, 2.1, "1"], top_p: [-1, 2, []], n: [0, 513, 1e9, "1"],
    best_of: [0, 513], seed: ["x", 1.5], stop: [1, [1], "", ["a", "b", "c", "d", "e"], "x".repeat(257)],
    logit_bias: [[], { a: 1 }, { 256: 1 }, { "-1": 1 }, { 5: "x" }, { 5: 101 }], echo: [1, "true"],
    stream: [1], stream_options: [{}, 5], logprobs: [true, -1, 21], suffix: ["x", 1], presence_penalty: [1, "0"],
    frequency_penalty: [-1], model: [7] };
  for (const [field, values] of Object.entries(wrong))
    for (const value of values) {
      const { status, json } = await ask("/v1/completions", { prompt: "a", [field]: value });
      assert.equal(status, 400, field + " " + JSON.stringify(value));
      assert.equal(json.error.param, field);
    }
  for (const more of [{ messages: [] }, { messages: "x" }, { messages: [{ role: "tool", content: "x" }] },
                      { messages: [{ role: "user" }] }, { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
                      { messages: [{ role: "user", content: "x" }], top_logprobs: 2 },
                      { messages: [{ role: "user", content: "x" }], response_format: { type: "json_object" } }])
    assert.equal((await ask("/v1/chat/completions", more)).status, 400, JSON.stringify(more));
});

test("http: fields that are null are absent", async () => {
  const nothing = Object.fromEntries(["max_tokens", "temperature", "top_p", "n", "best_of", "seed", "stop", "logit_bias",
    "echo", "stream", "stream_options", "logprobs", "suffix", "presence_penalty", "model", "user"].map((k) => [k, null]));
  assert.equal((await ask("/v1/completions", { prompt, ...nothing })).status, 200);
});

test("http: work is bounded before it is done", async () => {
  const steps = await metric("bitloom_lane_steps_total");
  for (const more of [{ n: 512, max_tokens: 65536 }, { n: 128, best_of: 512, max_tokens: 10000 },
                      { prompt: Array(512).fill("a"), n: 512 }, { max_tokens: 65536, logprobs: 20 },
                      { prompt: Array(513).fill("a") }, { prompt: "x".repeat(70000) }])
    assert.equal((await ask("/v1/completions", { prompt, ...more })).json.error.code, "too_many", JSON.stringify(more).slice(0, 50));
  assert.equal(await metric("bitloom_lane_steps_total"), steps);
});

test("http: a reader that stops does not stop others", async () => {
  const { default: net } = await import("node:net");
  const slow = net.connect(Number(new URL(url).port), "127.0.0.1");
  slow.pause();
  slow.write(post("/v1/completions", { prompt, n: 16, max_tokens: 60000, logprobs: 0, stream: true }));
  let before = -1, now = 0;
  for (let i = 0; i < 100 && now !== before; i++) { // until it is held back
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
    now = await metric("llamacpp:tokens_predicted_total");
  }
  assert.equal(now, before);
  assert.equal((await ask("/v1/completions", { prompt, max_tokens: 20 })).status, 200);
  slow.destroy();
  assert.ok(await untilIdle());
});

test("at the end nothing runs", async () => {
  assert.ok(await untilIdle());
});
