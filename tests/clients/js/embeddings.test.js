import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { DIMENSIONS, EMBEDDER, client } from "./shared.js";

// "hello world" and "hello" in cl100k_base, as tools that tokenize first send them.
const HELLO_WORLD = [15339, 1917];
const HELLO = [15339];

const embed = (input, options) => client.embeddings.create({ model: EMBEDDER, input, ...options });

const vectors = (response) => response.data.map((entry) => entry.embedding);

const dot = (a, b) => a.reduce((sum, x, index) => sum + x * b[index], 0);

test("a text becomes a unit vector", async () => {
  const response = await embed("The quick brown fox");
  assert.equal(response.object, "list");
  assert.equal(response.data.length, 1);
  const [entry] = response.data;
  assert.equal(entry.object, "embedding");
  assert.equal(entry.index, 0);
  assert.equal(entry.embedding.length, DIMENSIONS);
  assert.ok(Math.abs(dot(entry.embedding, entry.embedding) - 1) < 1e-5);
  assert.equal(response.usage.total_tokens, response.usage.prompt_tokens);
  assert.ok(response.usage.prompt_tokens > 0);
});

test("the two encodings are the same numbers", async () => {
  // The SDK asks for base64 unless told otherwise.
  const [packed] = vectors(await embed("The quick brown fox"));
  const [plain] = vectors(await embed("The quick brown fox", { encoding_format: "float" }));
  assert.deepEqual(packed.map(Math.fround), plain.map(Math.fround));
});

test("a batch keeps its order", async () => {
  const texts = ["alpha", "bravo", "charlie"];
  const batch = await embed(texts);
  assert.deepEqual(batch.data.map((entry) => entry.index), [0, 1, 2]);
  for (const [index, text] of texts.entries()) {
    assert.deepEqual(vectors(await embed(text))[0], vectors(batch)[index]);
  }
});

test("a length can be asked for, within bounds", async () => {
  const [vector] = vectors(await embed("fox", { dimensions: 256 }));
  assert.equal(vector.length, 256);
  await assert.rejects(embed("fox", { dimensions: 250_000_000_000_000 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "dimensions");
    return true;
  });
});

test("tokens are the text they stand for", async () => {
  const expected = vectors(await embed(["hello world", "hello"]));
  assert.deepEqual(vectors(await embed(HELLO_WORLD)), expected.slice(0, 1));
  assert.deepEqual(vectors(await embed([HELLO_WORLD, HELLO])), expected);
});
