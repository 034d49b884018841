// The official Node client against a running server: node openai_client.mjs BASE_URL
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "unused", maxRetries: 0 });
const size = (png) => {
  assert.equal(png.subarray(1, 4).toString(), "PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};
const bytes = (b64) => Buffer.from(b64, "base64");

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.ok(models.includes("builtin"), models.join());

const answer = await client.images.generate({ prompt: "a red circle on a blue background", response_format: "b64_json" });
assert.ok(answer.created > 0);
const drawn = bytes(answer.data[0].b64_json);
assert.deepEqual(size(drawn), [128, 128]);

const byUrl = await client.images.generate({ model: "builtin", prompt: "a black square on a white background", response_format: "url" });
const reply = await fetch(byUrl.data[0].url);
assert.equal(reply.status, 200);
assert.deepEqual(size(Buffer.from(await reply.arrayBuffer())), [128, 128]);

// A stream, to its end.
const seen = [];
const stream = await client.images.generate({ prompt: "a red circle on a blue background", stream: true, partial_images: 2 });
for await (const event of stream) {
  assert.deepEqual(size(bytes(event.b64_json)), [128, 128]);
  if (event.type === "image_generation.partial_image") assert.equal(event.partial_image_index, seen.length);
  seen.push(event.type);
}
assert.equal(seen.at(-1), "image_generation.completed");
assert.ok(seen.length >= 2 && seen.slice(0, -1).every((type) => type === "image_generation.partial_image"), seen.join());

// Edits and a variation.
const file = () => toFile(drawn, "start.png", { type: "image/png" });
for (const image of [await file(), [await file()]]) {
  const edited = await client.images.edit({ image, prompt: "a yellow star on a black background", response_format: "b64_json" });
  assert.deepEqual(size(bytes(edited.data[0].b64_json)), [128, 128]);
}
const types = [];
for await (const event of await client.images.edit({ image: await file(), prompt: "a yellow star", stream: true })) types.push(event.type);
assert.deepEqual(types, ["image_edit.completed"]);
const varied = await client.images.createVariation({ image: await file(), n: 2, response_format: "b64_json" });
assert.equal(new Set(varied.data.map((item) => item.b64_json)).size, 2);

await assert.rejects(client.images.generate({ model: "no/such-model", prompt: "x" }), (error) => {
  assert.ok(error instanceof OpenAI.NotFoundError, String(error));
  assert.equal(error.code, "model_not_found");
  assert.ok(error.requestID.startsWith("req_"), error.requestID);
  return true;
});
await assert.rejects(client.images.edit({ image: await toFile(Buffer.from("no picture"), "a.png"), prompt: "x" }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError, String(error));
  assert.deepEqual([error.code, error.param], ["picture_invalid", "image"]);
  return true;
});
console.log("openai for node ok");
