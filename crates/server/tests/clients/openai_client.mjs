// The official Node client against a running server: node openai_client.mjs BASE_URL
import assert from "node:assert/strict";
import { crc32, deflateSync } from "node:zlib";
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
// A mask whose left half is transparent.
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const around = Buffer.alloc(4 + body.length + 4);
  around.writeUInt32BE(data.length, 0);
  body.copy(around, 4);
  around.writeUInt32BE(crc32(body), 4 + body.length);
  return around;
};
const header = Buffer.from([0, 0, 0, 128, 0, 0, 0, 128, 8, 6, 0, 0, 0]);
const row = Buffer.from([0, ...Array.from({ length: 128 }, (_, x) => [0, 0, 0, x < 64 ? 0 : 255]).flat()]);
const pixels = deflateSync(Buffer.concat(Array(128).fill(row)));
const signature = Buffer.from("89504e470d0a1a0a", "hex");
const mask = Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
const repaint = async (words) => {
  const sent = { image: await file(), mask: await toFile(mask, "mask.png", { type: "image/png" }), prompt: words, seed: 3 };
  return bytes((await client.images.edit({ ...sent, response_format: "b64_json" })).data[0].b64_json);
};
const [green, again, white] = [await repaint("a green background"), await repaint("a green background"), await repaint("a white background")];
assert.deepEqual(size(green), [128, 128]);
assert.ok(green.equals(again), "a seed in the form gives the same picture");
assert.ok(!green.equals(white) && !green.equals(drawn), "what is transparent is painted as the words say");
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
