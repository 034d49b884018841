"""The official Python client against a running server: python openai_client.py BASE_URL

Lists models, generates as b64_json and as url, sends extension fields, streams, edits, varies, and checks what an error looks like to the client.
"""
import base64
import io
import sys
import urllib.request

import openai
from PIL import Image

base_url = sys.argv[1]
client = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0)


def picture(b64: str, format="PNG") -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(b64)))
    assert image.format == format, image.format
    image.load()
    return image


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


models = [model.id for model in client.models.list()]
assert "builtin" in models, models
assert client.models.retrieve("builtin").id == "builtin"

answer = client.images.generate(prompt="a red circle on a blue background", response_format="b64_json")
assert answer.created > 0
drawn = picture(answer.data[0].b64_json)
assert drawn.size == (128, 128), drawn.size
assert answer.size == "128x128" and answer.output_format == "png" and answer.background == "opaque", answer

answer = client.images.generate(model="builtin", prompt="a yellow star on a black background", n=2, response_format="url")
for item in answer.data:
    with urllib.request.urlopen(item.url) as reply:
        assert Image.open(io.BytesIO(reply.read())).size == (128, 128)

extra = {"seed": 5, "num_inference_steps": 4, "sampler": "euler"}
first, second = (
    client.images.generate(prompt="a white cross on a green background", response_format="b64_json", extra_body=extra).data[0].b64_json
    for _ in range(2)
)
assert first == second, "the same seed gives the same picture"

# Everything that the package can send of what applies here.
answer = client.images.generate(
    prompt="a white cross on a green background", model="gpt-image-1", n=2, size="128x128", quality="high", style="vivid", moderation="low",
    background="opaque", output_format="webp", output_compression=80, user="somebody", partial_images=0, stream=False,
)
assert [picture(item.b64_json, "WEBP").size for item in answer.data] == [(128, 128)] * 2
assert answer.quality == "high"

# Streams.
events = list(client.images.generate(prompt="a red circle on a blue background", stream=True, partial_images=2, output_format="jpeg"))
assert [event.type for event in events[:-1]] == ["image_generation.partial_image"] * len(events[:-1]), events
assert events[-1].type == "image_generation.completed"
assert 1 <= len(events[:-1]) <= 2, len(events)
assert [event.partial_image_index for event in events[:-1]] == list(range(len(events) - 1))
for event in events:
    assert picture(event.b64_json, "JPEG").size == (128, 128)
    assert (event.size, event.output_format, event.quality, event.background) == ("128x128", "jpeg", "auto", "opaque")
    assert event.created_at > 0

# Edits: a picture alone, a list of one, and a mask whose transparent half is repainted.
start = png(drawn)
for image in (("start.png", start, "image/png"), [("start.png", start, "image/png")]):
    answer = client.images.edit(image=image, prompt="a yellow star on a black background", response_format="b64_json", extra_body={"seed": 3})
    assert picture(answer.data[0].b64_json).size == (128, 128)
mask = Image.new("RGBA", (128, 128), (0, 0, 0, 255))
mask.paste((0, 0, 0, 0), (0, 0, 64, 128))
answer = client.images.edit(
    image=("start.png", start), mask=("mask.png", png(mask)), prompt="a green background", response_format="b64_json", n=1, size="128x128",
    input_fidelity="low", quality="auto", extra_body={"seed": 3, "num_inference_steps": 12},
)
edited = picture(answer.data[0].b64_json).convert("RGB")


def difference(box) -> float:
    one, other = (image.convert("RGB").crop(box).tobytes() for image in (drawn, edited))
    return sum(abs(a - b) for a, b in zip(one, other)) / len(one)


# Not next to the line, which the autoencoder blurs.
kept, repainted = difference((80, 0, 128, 128)), difference((0, 0, 48, 128))
assert kept < 12 and repainted > 2 * kept, (kept, repainted)

events = list(client.images.edit(image=("start.png", start), prompt="a yellow star on a black background", stream=True, partial_images=1))
assert events[-1].type == "image_edit.completed" and {event.type for event in events[:-1]} <= {"image_edit.partial_image"}, events
assert picture(events[-1].b64_json).size == (128, 128)

# Variations.
answer = client.images.create_variation(image=("start.png", start), n=2, response_format="b64_json", size="128x128")
assert len({item.b64_json for item in answer.data}) == 2, "two pictures, and not the same"

# What cannot be done.
try:
    client.images.generate(model="no/such-model", prompt="x")
    raise SystemExit("an unknown model was accepted")
except openai.NotFoundError as error:
    assert error.code == "model_not_found" and error.param == "model", error.body
    assert error.request_id.startswith("req_"), error.request_id
for wrong in (
    lambda: client.images.generate(prompt="x", size="17x1"),
    lambda: client.images.edit(image=b"no picture", prompt="x"),
    lambda: client.images.edit(image=start, mask=png(mask.resize((64, 64))), prompt="x"),
    lambda: client.images.edit(image=[start, start], prompt="x"),
):
    try:
        wrong()
        raise SystemExit("something impossible was accepted")
    except openai.BadRequestError as error:
        assert error.body and {"message", "type", "param", "code"} <= set(error.body), error.body
        assert error.param and error.type == "invalid_request_error", error.body
print("openai", openai.__version__, "ok")
