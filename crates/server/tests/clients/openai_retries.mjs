// The official Node client's own retries against a server that refuses: node openai_retries.mjs BUSY_URL
import assert from "node:assert/strict";
import OpenAI from "openai";

let refused = 0;
const counting = async (...request) => {
  const response = await fetch(...request);
  if (response.status === 503) {
    assert.match(response.headers.get("retry-after"), /^[0-9]+$/);
    refused += 1;
  }
  return response;
};
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused", maxRetries: 30, fetch: counting });
const body = { prompt: "a red circle on a blue background", response_format: "b64_json", num_inference_steps: 60 };
const answers = await Promise.all(Array.from({ length: 6 }, () => client.images.generate(body)));
assert.ok(answers.every((answer) => answer.data[0].b64_json), "all of them were drawn in the end");
assert.ok(refused > 0, "nobody was refused");
console.log("openai for node: retries ok");
