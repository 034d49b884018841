// One form, one request, its events. Text from the server only ever becomes text, never markup.
"use strict";

const element = (id) => document.getElementById(id);
const [form, draw, stop, bar, status, figure, picture] =
  ["form", "draw", "stop", "progress", "status", "figure", "picture"].map(element);
let running = null;

function say(text, isError = false) {
  status.textContent = text;
  status.classList.toggle("error", isError);
}

function setBusy(busy) {
  draw.disabled = busy;
  stop.hidden = !busy;
  bar.hidden = !busy;
  bar.value = 0;
}

function showProgress(event) {
  if (event.state === "queued") {
    const left = `about ${Math.max(1, Math.round(event.seconds_left))} s left`;
    say(event.index === 0 ? `Next in line, ${left}…` : `Waiting, ${event.index} ahead, ${left}…`);
  } else if (event.state === "step") {
    bar.value = event.index / event.total;
    say(`Step ${event.index} of ${event.total}, about ${Math.max(1, Math.round(event.seconds_left))} s left`);
  } else if (event.state === "preview") {
    URL.revokeObjectURL(picture.src);
    picture.src = `data:image/jpeg;base64,${event.preview}`;
    picture.classList.add("preview");
    element("caption").textContent = "";
    figure.hidden = false;
  } else {
    say(event.state === "decoded" ? "Almost there…" : "Drawing…");
  }
}

function showPicture(event, prompt) {
  const bytes = Uint8Array.from(atob(event.b64_json), (character) => character.charCodeAt(0));
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(new Blob([bytes], { type: `image/${event.output_format}` }));
  picture.classList.remove("preview");
  picture.alt = prompt;
  element("save").href = picture.src;
  element("caption").textContent = `${event.size}, seed ${event.seed}`;
  figure.hidden = false;
  say("Done.");
}

// Server-sent events of a POST, which EventSource cannot make.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const frames = text.split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) yield JSON.parse(data);
    }
  }
}

async function request(prompt, seed) {
  const body = { prompt, stream: true, progress: true };
  if (seed) body.seed = seed;
  const response = await fetch("/v1/images/generations", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: running.signal,
  });
  if (!response.ok) throw new Error((await response.json()).error.message);
  for await (const event of events(response)) {
    if (event.error) throw new Error(event.error.message);
    if (event.type === "easel.progress") showProgress(event);
    if (event.type === "image_generation.completed") showPicture(event, prompt);
  }
}

form.addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  if (running) return;
  running = new AbortController();
  setBusy(true);
  say("Sending…");
  try {
    await request(element("prompt").value, element("seed").value.trim());
  } catch (error) {
    say(error.name === "AbortError" ? "Stopped." : error.message, error.name !== "AbortError");
  } finally {
    running = null;
    setBusy(false);
  }
});

stop.addEventListener("click", () => running?.abort());

// Enter draws, shift and Enter makes a new line.
element("prompt").addEventListener("keydown", (key) => {
  if (key.key === "Enter" && !key.shiftKey && !key.isComposing) {
    key.preventDefault();
    form.requestSubmit();
  }
});
