import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import {
  MODEL,
  PIXEL,
  RESPONSE_TOOLS,
  Report,
  WEATHER_QUESTION,
  WEATHER_REPORT,
  all,
  checkWeatherArguments,
  client,
  last,
} from "./shared.js";

const TEXT = "alpha bravo charlie delta";

const ask = (input, options) => client.responses.create({ model: MODEL, input, ...options });

/** The types of the events in order, runs of one type taken together. */
const kinds = (events) =>
  events
    .map((event) => event.type.replace(/^response\./, ""))
    .filter((kind, index, every) => kind !== every[index - 1]);

/** The function call that is all of `response`. */
function onlyCall(response) {
  assert.equal(response.status, "completed");
  assert.equal(response.output.length, 1);
  const [call] = response.output;
  assert.equal(call.type, "function_call");
  assert.match(call.id, /^fc_/);
  assert.match(call.call_id, /^call_/);
  return call;
}

/** What holds for the events of every stream. */
function checkFrame(events) {
  const numbers = events.map((event) => event.sequence_number);
  numbers.forEach((number, index) => index > 0 && assert.ok(number > numbers[index - 1]));
  assert.equal(events[0].response.status, "in_progress");
  assert.deepEqual(events[0].response.output, []);
  assert.equal(last(events).response.id, events[0].response.id);
}

const isNotFound = (error) => {
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, "not_found");
  return true;
};

test("a whole answer", async () => {
  const response = await ask("What is 17 + 25?", { metadata: { team: "blue" } });
  assert.match(response.id, /^resp_/);
  assert.equal(response.object, "response");
  assert.equal(response.status, "completed");
  assert.equal(response.error, null);
  assert.deepEqual(response.metadata, { team: "blue" });
  assert.equal(response.output.length, 1);
  const [message] = response.output;
  assert.equal(message.type, "message");
  assert.equal(message.role, "assistant");
  assert.match(message.id, /^msg_/);
  const [part] = message.content;
  assert.deepEqual(part, { type: "output_text", text: part.text, annotations: [], logprobs: [] });
  assert.equal(response.output_text, part.text);
  assert.match(response.output_text, /42/);
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.ok(input_tokens > 0 && output_tokens > 0);
  assert.equal(total_tokens, input_tokens + output_tokens);
});

test("a token limit makes it incomplete", async () => {
  const response = await ask(`${TEXT} `.repeat(30), { max_output_tokens: 16 });
  assert.equal(response.status, "incomplete");
  assert.equal(response.incomplete_details.reason, "max_output_tokens");
  assert.equal(last(response.output).status, "incomplete");
});

test("an image is accepted", async () => {
  const content = [
    { type: "input_text", text: "Look at this." },
    { type: "input_image", image_url: PIXEL, detail: "auto" },
  ];
  const response = await ask([{ role: "user", content }]);
  assert.equal(response.status, "completed");
  assert.ok(response.output_text);
});

for (const [name, tool_choice] of [
  ["auto", "auto"],
  ["required", "required"],
  ["named", { type: "function", name: "get_weather" }],
]) {
  test(`a relevant tool is called: ${name}`, async () => {
    const call = onlyCall(await ask(WEATHER_QUESTION, { tools: RESPONSE_TOOLS, tool_choice }));
    assert.equal(call.name, "get_weather");
    checkWeatherArguments(call.arguments);
  });
}

test("a tool loop comes to its end", async () => {
  const first = await ask(WEATHER_QUESTION, { tools: RESPONSE_TOOLS });
  const output = {
    type: "function_call_output",
    call_id: onlyCall(first).call_id,
    output: WEATHER_REPORT,
  };
  const byId = await ask([output], { tools: RESPONSE_TOOLS, previous_response_id: first.id });
  const items = [{ role: "user", content: WEATHER_QUESTION }, ...first.output, output];
  const byItems = await ask(items, { tools: RESPONSE_TOOLS });
  for (const response of [byId, byItems]) {
    assert.deepEqual(response.output.map((item) => item.type), ["message"]);
    assert.match(response.output_text, /18/);
  }
});

test("an answer is parsed into a type", async () => {
  const response = await client.responses.parse({
    model: MODEL,
    input: "Review line 3.",
    text: { format: zodTextFormat(Report, "report") },
  });
  assert.deepEqual(response.output_parsed, Report.parse(JSON.parse(response.output_text)));
  assert.equal(response.text.format.name, "report");
});

test("a fact told before is recalled", async () => {
  const first = await ask("My name is Ada");
  const second = await ask("What is my name?", { previous_response_id: first.id });
  assert.equal(second.previous_response_id, first.id);
  assert.match(second.output_text, /Ada/);
});

test("a stored response is retrieved, its input listed, and deleted", async () => {
  const response = await ask("hello");
  assert.deepEqual(await client.responses.retrieve(response.id), response);
  const items = await all(client.responses.inputItems.list(response.id));
  assert.deepEqual(
    items.map((item) => [item.type, item.role, item.content[0].text]),
    [["message", "user", "hello"]],
  );
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), isNotFound);
  await assert.rejects(client.responses.delete(response.id), isNotFound);
});

test("tokens are counted as a run would", async () => {
  const request = { model: MODEL, input: "How many tokens?", instructions: "Be brief." };
  const count = await client.responses.inputTokens.count(request);
  assert.equal(count.object, "response.input_tokens");
  const response = await client.responses.create(request);
  assert.equal(count.input_tokens, response.usage.input_tokens);
});

test("events come in order and agree", async () => {
  const events = await all(await ask(TEXT, { stream: true }));
  checkFrame(events);
  assert.deepEqual(kinds(events), [
    "created",
    "in_progress",
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
    "completed",
  ]);
  const { response } = last(events);
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  assert.ok(deltas.length > 1);
  const done = events.find((event) => event.type === "response.output_item.done");
  const text = deltas.map((event) => event.delta).join("");
  assert.equal(text, response.output[0].content[0].text);
  assert.deepEqual(done.item, response.output[0]);
  const stored = await client.responses.retrieve(response.id);
  assert.equal(stored.output_text, text);
});

test("a tool call comes in pieces", async () => {
  const events = await all(await ask(WEATHER_QUESTION, { tools: RESPONSE_TOOLS, stream: true }));
  checkFrame(events);
  assert.deepEqual(kinds(events), [
    "created",
    "in_progress",
    "output_item.added",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
    "completed",
  ]);
  const done = events.find((event) => event.type.endsWith("arguments.done"));
  assert.equal(done.name, "get_weather");
  checkWeatherArguments(done.arguments);
});

test("the stream helper gives snapshots, events and the whole", async () => {
  const stream = client.responses.stream({ model: MODEL, input: TEXT });
  const types = [];
  let snapshot = "";
  stream.on("response.output_text.delta", (event) => (snapshot = event.snapshot));
  for await (const event of stream) types.push(event.type);
  const response = await stream.finalResponse();
  assert.equal(types[0], "response.created");
  assert.equal(last(types), "response.completed");
  assert.equal(snapshot, response.output_text);
  assert.equal(response.status, "completed");
});

test("the stream helper parses into a type", async () => {
  const stream = client.responses.stream({
    model: MODEL,
    input: "Review line 3.",
    text: { format: zodTextFormat(Report, "report") },
  });
  const response = await stream.finalResponse();
  assert.deepEqual(response.output_parsed, Report.parse(JSON.parse(response.output_text)));
});

test("the stream helper collects tool arguments", async () => {
  const stream = client.responses.stream({
    model: MODEL,
    input: WEATHER_QUESTION,
    tools: RESPONSE_TOOLS,
  });
  let snapshot = "";
  stream.on("response.function_call_arguments.delta", (event) => (snapshot = event.snapshot));
  const call = onlyCall(await stream.finalResponse());
  assert.equal(snapshot, call.arguments);
  checkWeatherArguments(call.arguments);
});

test("streams side by side keep apart", async () => {
  const text = async (input) => {
    const events = await all(await ask(input, { stream: true }));
    checkFrame(events);
    assert.equal(last(events).type, "response.completed");
    return last(events).response.output[0].content[0].text;
  };
  const inputs = Array.from({ length: 20 }, (_, number) => `stream number ${number} `.repeat(20));
  const alone = [];
  for (const input of inputs) alone.push(await text(input));
  assert.deepEqual(await Promise.all(inputs.map(text)), alone);
  assert.equal(new Set(alone).size, inputs.length);
});
