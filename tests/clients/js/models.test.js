import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { EMBEDDER, MODEL, all, client, lacks, needs, user } from "./shared.js";

for (const [name, condition] of [
  [EMBEDDER, {}],
  [MODEL, needs("known_models")],
]) {
  test(`the list names the models of the server: ${name}`, condition, async () => {
    const models = await all(client.models.list());
    assert.ok(models.some((model) => model.id === name));
    for (const model of models) {
      assert.equal(model.object, "model");
      // 0 when nobody has said when an upstream's model was made.
      assert.ok(model.created >= 0);
      assert.ok(model.owned_by);
      assert.deepEqual(await client.models.retrieve(model.id), model);
    }
  });
}

test("a name that is not listed is asked of the upstream", lacks("known_models"), async () => {
  const completion = await client.chat.completions.create({
    model: "not-listed",
    messages: user("What is 6 * 7?"),
  });
  assert.equal(completion.model, "not-listed");
  assert.match(completion.choices[0].message.content, /42/);
});

test("an unknown model is not found", async () => {
  await assert.rejects(client.models.retrieve("no-such-model"), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
});
