import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { EMBEDDER, MODEL, all, client } from "./shared.js";

test("the list names the built-in models", async () => {
  const models = await all(client.models.list());
  const ids = models.map((model) => model.id);
  assert.ok(ids.includes(MODEL));
  assert.ok(ids.includes(EMBEDDER));
  for (const model of models) {
    assert.equal(model.object, "model");
    assert.ok(model.created > 0);
    assert.ok(model.owned_by);
    assert.deepEqual(await client.models.retrieve(model.id), model);
  }
});

test("an unknown model is not found", async () => {
  await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});
