"""The official Python client against a running server: python openai_client.py BASE_URL

Lists models, generates as b64_json and as url, sends extension fields, and checks what an error looks like to the client.
"""
import base64
import struct
import sys
import urllib.request

import openai

base_url = sys.argv[1]
client = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0)


def size(png: bytes):
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:16]
    return struct.unpack(">II", png[16:24])


models = [model.id for model in client.models.list()]
assert "builtin" in models, models
assert client.models.retrieve("builtin").id == "builtin"

answer = client.images.generate(prompt="a red circle on a blue background", response_format="b64_json")
assert answer.created > 0
png = base64.b64decode(answer.data[0].b64_json)
assert size(png) == (128, 128), size(png)

answer = client.images.generate(model="builtin", prompt="a yellow star on a black background", n=2, response_format="url")
for item in answer.data:
    with urllib.request.urlopen(item.url) as reply:
        assert size(reply.read()) == (128, 128)

extra = {"seed": 5, "num_inference_steps": 4, "sampler": "euler"}
first, second = (
    client.images.generate(prompt="a white cross on a green background", response_format="b64_json", extra_body=extra).data[0].b64_json
    for _ in range(2)
)
assert first == second, "the same seed gives the same picture"

try:
    client.images.generate(model="no/such-model", prompt="x")
    raise SystemExit("an unknown model was accepted")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error.code
try:
    client.images.generate(prompt="x", size="17x1")
    raise SystemExit("an impossible size was accepted")
except openai.BadRequestError as error:
    assert error.body and {"message", "type", "param", "code"} <= set(error.body), error.body
print("openai", openai.__version__, "ok")
