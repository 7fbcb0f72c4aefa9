import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { EMBEDDER, MODEL, client, needs, stranger, user } from "./shared.js";

const chat = (options, by = client) =>
  by.chat.completions.create({ model: MODEL, messages: user("hello"), ...options });

const respond = (options, by = client) =>
  by.responses.create({ model: MODEL, input: "hello", ...options });

const embed = (options, by = client) =>
  by.embeddings.create({ model: EMBEDDER, input: "hello", ...options });

/** The error of that kind with which `promise` is rejected. */
async function failure(kind, promise) {
  const error = await promise.then(
    () => assert.fail("the call should have failed"),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${error}`);
  assert.ok(error.requestID);
  assert.equal(error.requestID, error.headers.get("x-request-id"));
  assert.deepEqual(Object.keys(error.error).sort(), ["code", "message", "param", "type"]);
  return error;
}

test("a key of nobody is refused", async () => {
  for (const call of [chat, respond, embed]) {
    const error = await failure(OpenAI.AuthenticationError, call({}, stranger));
    assert.equal(error.status, 401);
    assert.equal(error.code, "invalid_api_key");
    assert.equal(error.type, "invalid_request_error");
  }
});

for (const call of [chat, respond, embed]) {
  test(`an unknown model is not found: ${call.name}`, needs("known_models"), async () => {
    const error = await failure(OpenAI.NotFoundError, call({ model: "no-such-model" }));
    assert.equal(error.code, "model_not_found");
    assert.equal(error.param, "model");
  });
}

test("an unknown response is not found", async () => {
  const id = `resp_${"0".repeat(32)}`;
  const error = await failure(OpenAI.NotFoundError, client.responses.retrieve(id));
  assert.equal(error.code, "not_found");
  const continued = await failure(OpenAI.BadRequestError, respond({ previous_response_id: id }));
  assert.equal(continued.code, "previous_response_not_found");
});

for (const [call, options, param, code] of [
  [chat, { temperature: 3 }, "temperature", "invalid_value"],
  [chat, { messages: [{ role: "robot", content: "hi" }] }, "messages[0].role", "invalid_value"],
  [chat, { messages: "hi" }, "messages", "invalid_type"],
  [chat, { surprise: 1 }, "surprise", "unknown_parameter"],
  [chat, { stream: true, temperature: 3 }, "temperature", "invalid_value"],
  [respond, { max_output_tokens: "many" }, "max_output_tokens", "invalid_type"],
  [respond, { stream: true, temperature: 3 }, "temperature", "invalid_value"],
  [embed, { input: {} }, "input", "invalid_type"],
]) {
  test(`a bad request names its parameter: ${call.name} ${JSON.stringify(options)}`, async () => {
    const error = await failure(OpenAI.BadRequestError, call(options));
    assert.equal(error.status, 400);
    assert.equal(error.type, "invalid_request_error");
    assert.equal(error.param, param);
    assert.equal(error.code, code);
  });
}

test("answers carry their headers", async () => {
  const { data, response, request_id } = await respond({}).withResponse();
  assert.equal(response.headers.get("openai-version"), "2020-10-01");
  assert.match(response.headers.get("openai-processing-ms"), /^\d+$/);
  assert.equal(response.headers.get("x-request-id"), request_id);
  assert.equal(data._request_id, request_id);
});
