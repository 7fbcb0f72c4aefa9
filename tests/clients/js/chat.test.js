import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  CHAT_TOOLS,
  MODEL,
  PIXEL,
  Report,
  SEED,
  WEATHER_QUESTION,
  WEATHER_REPORT,
  all,
  checkIsText,
  checkWeatherArguments,
  client,
  lacks,
  last,
  needs,
  user,
} from "./shared.js";

const TEXT = "alpha bravo charlie delta";

const ask = (text, options) =>
  client.chat.completions.create({ model: MODEL, messages: user(text), ...options });

test("a whole answer", async () => {
  const completion = await ask("What is 17 + 25?");
  assert.match(completion.id, /^chatcmpl-/);
  assert.equal(completion.object, "chat.completion");
  assert.equal(completion.model, MODEL);
  assert.equal(completion.choices.length, 1);
  const [choice] = completion.choices;
  assert.equal(choice.index, 0);
  assert.equal(choice.finish_reason, "stop");
  checkIsText(choice.message);
  assert.match(choice.message.content, /42/);
  const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test("a fact told before is recalled", async () => {
  const completion = await client.chat.completions.create({
    model: MODEL,
    messages: [
      ...user("My name is Ada."),
      { role: "assistant", content: "Noted." },
      ...user("What is my name?"),
    ],
  });
  assert.match(completion.choices[0].message.content, /Ada/);
});

test("several choices", async () => {
  const { choices } = await ask("Name a colour", { n: 2 });
  assert.deepEqual(choices.map((choice) => choice.index), [0, 1]);
  for (const choice of choices) checkIsText(choice.message);
});

for (const [option, value] of [
  ["seed", 7],
  ["stop", ["charlie"]],
]) {
  test(`what the upstream has no place for is refused: ${option}`, lacks(option), async () => {
    await assert.rejects(ask("hello", { [option]: value }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, option);
      return true;
    });
  });
}

test("a stop text ends the answer before it", needs("stop"), async () => {
  const [whole] = (await ask(TEXT)).choices;
  const [stopped] = (await ask(TEXT, { stop: ["charlie"] })).choices;
  assert.ok(whole.message.content.includes("charlie"));
  assert.equal(stopped.finish_reason, "stop");
  assert.equal(stopped.message.content, whole.message.content.split("charlie")[0]);
});

test("an image is accepted", async () => {
  const content = [
    { type: "text", text: "Look at this." },
    { type: "image_url", image_url: { url: PIXEL } },
  ];
  const completion = await client.chat.completions.create({
    model: MODEL,
    messages: [{ role: "user", content }],
  });
  checkIsText(completion.choices[0].message);
});

for (const [name, tool_choice] of [
  ["auto", "auto"],
  ["required", "required"],
  ["named", { type: "function", function: { name: "get_weather" } }],
]) {
  test(`a relevant tool is called: ${name}`, async () => {
    const [choice] = (await ask(WEATHER_QUESTION, { tools: CHAT_TOOLS, tool_choice })).choices;
    assert.equal(choice.finish_reason, "tool_calls");
    assert.equal(choice.message.tool_calls.length, 1);
    const [call] = choice.message.tool_calls;
    assert.equal(call.type, "function");
    assert.match(call.id, /^call_/);
    assert.equal(call.function.name, "get_weather");
    checkWeatherArguments(call.function.arguments);
  });
}

test("words are the answer when no tool may be called", async () => {
  const [choice] = (await ask(WEATHER_QUESTION, { tools: CHAT_TOOLS, tool_choice: "none" }))
    .choices;
  assert.equal(choice.finish_reason, "stop");
  checkIsText(choice.message);
});

test("a tool loop comes to its end", async () => {
  const called = (await ask(WEATHER_QUESTION, { tools: CHAT_TOOLS })).choices[0].message;
  const results = called.tool_calls.map((call) => ({
    role: "tool",
    tool_call_id: call.id,
    content: WEATHER_REPORT,
  }));
  const completion = await client.chat.completions.create({
    model: MODEL,
    messages: [...user(WEATHER_QUESTION), called, ...results],
    tools: CHAT_TOOLS,
  });
  checkIsText(completion.choices[0].message);
  assert.match(completion.choices[0].message.content, /18/);
});

for (const stream of [false, true]) {
  test(`the tool runner comes to its end: ${stream ? "streamed" : "whole"}`, async () => {
    const asked = [];
    const tool = zodFunction({
      name: "get_weather",
      description: "Get the current weather in a city",
      parameters: z.object({ city: z.string(), unit: z.enum(["celsius", "fahrenheit"]) }),
      function: (request) => {
        asked.push(request.city);
        return WEATHER_REPORT;
      },
    });
    const runner = client.chat.completions.runTools(
      { model: MODEL, messages: user(WEATHER_QUESTION), tools: [tool], stream },
      { maxChatCompletions: 3 },
    );
    assert.match(await runner.finalContent(), /18/);
    assert.deepEqual(asked, ["Paris"]);
    assert.deepEqual(
      runner.messages.map((message) => message.role),
      ["user", "assistant", "tool", "assistant"],
    );
  });
}

test("an answer is parsed into a type", async () => {
  const completion = await client.chat.completions.parse({
    model: MODEL,
    messages: user("Review line 3."),
    response_format: zodResponseFormat(Report, "report"),
  });
  const { message } = completion.choices[0];
  assert.deepEqual(message.parsed, Report.parse(JSON.parse(message.content)));
});

test("the pieces of a stream are the whole answer", async () => {
  const chunks = await all(await ask(TEXT, { ...SEED, stream: true }));
  const whole = await ask(TEXT, SEED);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  const pieces = chunks.map((chunk) => chunk.choices[0].delta.content ?? "");
  assert.ok(pieces.filter(Boolean).length > 1);
  assert.equal(pieces.join(""), whole.choices[0].message.content);
  assert.equal(last(chunks).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => !chunk.usage));
});

test("usage comes last when asked for", async () => {
  const stream_options = { include_usage: true };
  const chunks = await all(await ask(TEXT, { ...SEED, stream: true, stream_options }));
  const whole = await ask(TEXT, SEED);
  assert.deepEqual(last(chunks).choices, []);
  assert.deepEqual(last(chunks).usage, whole.usage);
  assert.ok(chunks.slice(0, -1).every((chunk) => !chunk.usage));
});

test("the stream helper gives snapshots, events and the whole", async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user(TEXT), ...SEED });
  const deltas = [];
  let snapshot = "";
  stream.on("content.delta", (event) => {
    deltas.push(event.delta);
    snapshot = event.snapshot;
  });
  const completion = await stream.finalChatCompletion();
  const { content } = completion.choices[0].message;
  assert.equal(deltas.join(""), content);
  assert.equal(snapshot, content);
  assert.equal((await ask(TEXT, SEED)).choices[0].message.content, content);
});

test("the stream helper parses into a type", async () => {
  const stream = client.chat.completions.stream({
    model: MODEL,
    messages: user("Review line 3."),
    response_format: zodResponseFormat(Report, "report"),
  });
  const completion = await stream.finalChatCompletion();
  Report.parse(completion.choices[0].message.parsed);
});

test("the stream helper collects tool arguments", async () => {
  const done = [];
  const stream = client.chat.completions.stream({
    model: MODEL,
    messages: user(WEATHER_QUESTION),
    tools: CHAT_TOOLS,
  });
  stream.on("tool_calls.function.arguments.done", (event) => done.push(event));
  await stream.done();
  assert.equal(done.length, 1);
  assert.equal(done[0].name, "get_weather");
  checkWeatherArguments(done[0].arguments);
});

test("a stream may be left early", async () => {
  const stream = await ask(TEXT.repeat(50), { stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
  assert.ok(stream.controller.signal.aborted);
  checkIsText((await ask(TEXT)).choices[0].message);
});
