"""litellm as a proxy in front of running servers: python litellm_client.py BASE_URL BUSY_URL PORT

Starts the proxy with the servers as its image models, and has the official Python client draw through it: pictures and edits by the proxy's own
routes; events and variations, which those do not know, by a path that it passes through; and several at once from the second server, which lets
one request wait and no more, so that the proxy has to come again. litellm as a package varies a picture, too.
"""
import base64
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import openai

base_url, busy_url, port = sys.argv[1:4]
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
  - model_name: busy
    litellm_params:
      model: openai/builtin
      api_base: {busy_url}
      api_key: unused
    model_info:
      mode: image_generation
general_settings:
  master_key: sk-proxy
  pass_through_endpoints:
    - path: /easel
      target: {base_url}
      include_subpath: true
      auth: true
litellm_settings:
  telemetry: false
  num_retries: 12
router_settings:
  disable_cooldowns: true
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


def draw_from_the_busy_one(drawn: list):
    answer = client.images.generate(model="busy", prompt="a red circle on a blue background", n=4, size="128x128")
    drawn.append(len(answer.data))


def refusals() -> float:
    """Requests that the busy server did not take."""
    with urllib.request.urlopen(busy_url.removesuffix("/v1") + "/metrics") as reply:
        lines = reply.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("easel_engine_requests_refused_total"))


def size(png: bytes):
    assert png[1:4] == b"PNG", png[:8]
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


try:
    started = time.monotonic()
    # The package, while the proxy starts.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from litellm.images.main import image_variation

    direct = openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0)
    first = base64.b64decode(direct.images.generate(prompt="a yellow star", response_format="b64_json").data[0].b64_json)
    varied = image_variation(image=("a.png", first), model="openai/dall-e-2", api_base=base_url, api_key="unused")
    with urllib.request.urlopen(varied.data[0].url) as reply:
        assert size(reply.read()) == (128, 128)
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
    # By the path that is passed through: events as they come, and variations.
    passed = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/easel", api_key="sk-proxy", max_retries=0)
    events = list(passed.images.generate(prompt="a red circle on a blue background", stream=True, partial_images=2, size="128x128"))
    assert events[-1].type == "image_generation.completed", events
    assert 1 <= len(events[:-1]) <= 2 and {event.type for event in events[:-1]} == {"image_generation.partial_image"}, events
    assert all(size(base64.b64decode(event.b64_json)) == (128, 128) for event in events)
    answer = passed.images.create_variation(image=("a.png", drawn), n=2, response_format="b64_json", size="128x128")
    assert len({item.b64_json for item in answer.data}) == 2, "two pictures, and not the same"
    # More at once than the other server takes: those that are refused come again, and all of them are drawn.
    many = []
    threads = [threading.Thread(target=draw_from_the_busy_one, args=[many]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert many == [4] * 4, f"all of them were drawn in the end: {many}"
    assert refusals() > 0, "nobody was refused"
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
