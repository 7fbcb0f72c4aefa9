// What several tests speak of.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { z } from "zod";

// What answers behind the server, what it lacks, and the name of its model, as the runner says.
const BACKEND = process.env.LUKHAS_BACKEND ?? "engine";
const LACKED = new Set((process.env.LUKHAS_BACKEND_LACKS ?? "").split(" "));
export const MODEL = process.env.LUKHAS_MODEL ?? "lukhas-matriz";

/** Options of a test that needs what not every backend has; Python's conftest.py says what. */
export const needs = (what) =>
  LACKED.has(what) ? { skip: `it needs ${what}, which \`${BACKEND}\` lacks` } : {};

/** Options of a test for backends that lack something. */
export const lacks = (what) =>
  LACKED.has(what) ? {} : { skip: `it is for backends without ${what}` };

/** For the same answer twice. A backend that has no place for a seed answers alike without one. */
export const SEED = LACKED.has("seed") ? {} : { seed: 1 };

export const EMBEDDER = "lukhas-lexical-hash-1024";
export const DIMENSIONS = 1024;

/** Set up from the environment alone. Nothing is retried: an error that a retry would hide is one. */
export const client = new OpenAI({ maxRetries: 0, timeout: 30_000 });

/** A client with a key that is nobody's, made of parts so that no scanner takes it for one. */
export const stranger = client.withOptions({
  apiKey: ["lk", "live", "0".repeat(32)].join("_"),
});

/** A one-pixel image. */
export const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA" +
  "WjR9awAAAABJRU5ErkJggg==";

const FUNCTIONS = [
  {
    name: "get_weather",
    description: "Get the current weather in a city",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", description: "Name of the city" },
        unit: { type: "string", enum: ["celsius", "fahrenheit"] },
      },
      required: ["city", "unit"],
      additionalProperties: false,
    },
    strict: true,
  },
  {
    name: "get_time",
    description: "Get the local time of a time zone",
    parameters: {
      type: "object",
      properties: { zone: { type: "string", description: "Name of a time zone" } },
      required: ["zone"],
      additionalProperties: false,
    },
    strict: true,
  },
];

export const CHAT_TOOLS = FUNCTIONS.map((it) => ({ type: "function", function: it }));
export const RESPONSE_TOOLS = FUNCTIONS.map((it) => ({ type: "function", ...it }));

export const WEATHER_QUESTION = "What is the weather in Paris?";
export const WEATHER_REPORT = JSON.stringify({ city: "Paris", temperature: 18, sky: "clear" });

/** Arguments of `get_weather`. */
export const Weather = z.object({
  city: z.literal("Paris"),
  unit: z.enum(["celsius", "fahrenheit"]),
}).strict();

const Finding = z.object({
  title: z.string(),
  severity: z.enum(["low", "high"]),
  line: z.number().int(),
});

/** A shape with a list, an enumeration, a nested object, a boolean and an optional part. */
export const Report = z.object({
  summary: z.string(),
  confident: z.boolean(),
  findings: z.array(Finding),
  worst: Finding.nullable(),
});

export const user = (text) => [{ role: "user", content: text }];

/** Everything that `iterable` gives. */
export async function all(iterable) {
  const found = [];
  for await (const one of iterable) found.push(one);
  return found;
}

/** `arguments_` are what the schema asks for, with the city of the question. */
export function checkWeatherArguments(arguments_) {
  Weather.parse(JSON.parse(arguments_));
}

/** `message` is an answer in words. */
export function checkIsText(message) {
  assert.equal(message.role, "assistant");
  assert.ok(message.content);
  assert.equal(message.refusal, null);
  assert.equal(message.tool_calls?.length ?? 0, 0);
}

export const last = (list) => list[list.length - 1];
