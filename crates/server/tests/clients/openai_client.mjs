// The official Node client against a running server: node openai_client.mjs BASE_URL
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused", maxRetries: 0 });
const size = (png) => {
  assert.equal(png.subarray(1, 4).toString(), "PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.ok(models.includes("builtin"), models.join());

const answer = await client.images.generate({ prompt: "a red circle on a blue background", response_format: "b64_json" });
assert.ok(answer.created > 0);
assert.deepEqual(size(Buffer.from(answer.data[0].b64_json, "base64")), [128, 128]);

const byUrl = await client.images.generate({ model: "builtin", prompt: "a black square on a white background", response_format: "url" });
const reply = await fetch(byUrl.data[0].url);
assert.equal(reply.status, 200);
assert.deepEqual(size(Buffer.from(await reply.arrayBuffer())), [128, 128]);

await assert.rejects(client.images.generate({ model: "no/such-model", prompt: "x" }), (error) => {
  assert.ok(error instanceof OpenAI.NotFoundError, String(error));
  assert.equal(error.code, "model_not_found");
  return true;
});
console.log("openai for node ok");
