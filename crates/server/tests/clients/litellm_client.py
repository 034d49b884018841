"""litellm as a proxy in front of a running server: python litellm_client.py BASE_URL PORT

Starts the proxy with the server as one of its image models, and has the official Python client draw through it.
"""
import base64
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import openai

base_url, port = sys.argv[1], sys.argv[2]
folder = pathlib.Path(tempfile.mkdtemp(prefix="litellm-"))
config = folder / "config.yaml"
config.write_text(f"""
model_list:
  - model_name: shapes
    litellm_params:
      model: openai/builtin
      api_base: {base_url}
      api_key: unused
    model_info:
      mode: image_generation
  - model_name: classic
    litellm_params:
      model: openai/dall-e-2
      api_base: {base_url}
      api_key: unused
    model_info:
      mode: image_generation
  - model_name: missing
    litellm_params:
      model: openai/no-such-model
      api_base: {base_url}
      api_key: unused
    model_info:
      mode: image_generation
general_settings:
  master_key: sk-proxy
litellm_settings:
  telemetry: false
  num_retries: 0
""")
command = [str(pathlib.Path(sys.executable).with_name("litellm")), "--config", str(config), "--host", "127.0.0.1", "--port", port]
# It needs neither its cost map from the network nor anybody's settings.
environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
log = open(folder / "log", "w+")
proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)


def logged():
    log.seek(0)
    return log.read()[-4000:]


def is_up():
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness").status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def size(png: bytes):
    assert png[1:4] == b"PNG", png[:8]
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


try:
    started = time.monotonic()
    while not is_up():
        if proxy.poll() is not None or time.monotonic() - started > 300:
            raise SystemExit(f"the proxy does not start:\n{logged()}")
        time.sleep(0.5)
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}", api_key="sk-proxy", max_retries=0)
    # The proxy takes a name that it does not know for one of OpenAI's newest models, which have no `response_format`.
    answer = client.images.generate(model="shapes", prompt="a red circle on a blue background", n=2, size="128x128", quality="high")
    assert len(answer.data) == 2
    for item in answer.data:
        with urllib.request.urlopen(item.url) as reply:
            assert size(reply.read()) == (128, 128)
    answer = client.images.generate(model="classic", prompt="a red circle on a blue background", response_format="b64_json")
    drawn = base64.b64decode(answer.data[0].b64_json)
    assert size(drawn) == (128, 128)
    for image in (("a.png", drawn), [("a.png", drawn)]):
        answer = client.images.edit(model="classic", image=image, prompt="a yellow star on a black background", response_format="b64_json")
        assert size(base64.b64decode(answer.data[0].b64_json)) == (128, 128)
    for wrong in (dict(model="shapes", prompt="x", size="17x1"), dict(model="missing", prompt="x")):
        try:
            client.images.generate(**wrong)
            raise SystemExit(f"something impossible was accepted: {wrong}")
        except (openai.BadRequestError, openai.NotFoundError) as error:
            assert error.status_code in (400, 404), error
except (openai.APIError, AssertionError, OSError) as error:
    raise SystemExit(f"{error!r}\n{logged()}")
finally:
    proxy.terminate()
    try:
        proxy.wait(20)
    except subprocess.TimeoutExpired:
        proxy.kill()
print("litellm ok")
