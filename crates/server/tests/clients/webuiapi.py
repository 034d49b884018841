"""`webuiapi` from PyPI against a running server: python webuiapi.py HOST:PORT [USER PASSWORD]

Draws, varies seeds, enlarges and draws over, draws over a picture and a part of it, watches progress, sets options, reads files, enlarges pictures
and looks for edges; and `sd-parsers` reads what was drawn. With a name and a password it only looks whether they let in.
"""
import base64
import io
import sys
import threading
import time

# The package has the name of this file, whose folder Python puts first.
sys.path.pop(0)

import webuiapi
from PIL import Image, ImageDraw
from sd_parsers import ParserManager

host, port = sys.argv[1].rsplit(":", 1)

if len(sys.argv) > 2:
    user, password = sys.argv[2:]
    api = webuiapi.WebUIApi(host=host, port=int(port), username=user, password=password)
    assert api.util_get_model_names(), "models are listed"
    drawn = api.txt2img(prompt="a red circle on a blue background", width=128, height=128, steps=4, seed=1)
    assert drawn.image.size == (128, 128)
    api.set_auth(user, "certainly not this")
    try:
        api.txt2img(prompt="a red circle", width=128, height=128, steps=4)
    except RuntimeError as error:
        assert error.args[0] == 401 and "Incorrect username or password" in error.args[1], error.args
    else:
        raise AssertionError("a wrong password is refused")
    sys.exit()

api = webuiapi.WebUIApi(host=host, port=int(port), sampler="DPM++ 2M Karras", steps=12)
size = {"width": 128, "height": 128}


def mean(image, box):
    """The mean colour of a part."""
    part = image.convert("RGB").crop(box).resize((1, 1), Image.Resampling.BOX)
    return part.getpixel((0, 0))


def likely(colour, wanted):
    return max(abs(a - b) for a, b in zip(colour, wanted)) < 70


def told(result, index=0):
    """What somebody else's parser finds in a file, by the keys' names."""
    read = ParserManager().parse(io.BytesIO(base64.b64decode(result.json["images"][index])))
    found = {**read.metadata, **read.samplers[0].parameters}
    return {key.lower().replace(" ", "_"): str(value) for key, value in found.items()}


# What clients look at first.
assert "DPM++ 2M" in api.util_get_sampler_names() and "karras" in api.util_get_scheduler_names()
title = api.util_get_current_model()
assert title in api.util_get_model_names(), title
assert {"Lanczos", "Nearest", "None"} <= {upscaler["name"] for upscaler in api.get_upscalers()}
assert "Latent" in {mode["name"] for mode in api.get_latent_upscale_modes()}
for read in (
    api.get_sd_vae, api.get_loras, api.get_hypernetworks, api.get_face_restorers, api.get_realesrgan_models, api.get_prompt_styles,
):
    assert isinstance(read(), list), read
assert "loaded" in api.get_embeddings() and "ram" in api.get_memory() and api.get_cmd_flags()["api"]
assert api.refresh_checkpoints() is None

# Text to image: a picture that shows what was asked for, and says how it was made.
drawn = api.txt2img(
    prompt="a red circle on a blue background", negative_prompt="a green star", seed=1003, cfg_scale=5.5, batch_size=2, n_iter=2, **size
)
assert [image.size for image in drawn.images] == [(128, 128)] * 4
assert drawn.info["all_seeds"] == [1003, 1004, 1005, 1006] and drawn.info["seed"] == 1003, drawn.info
assert drawn.info["sampler_name"] == "DPM++ 2M" and drawn.info["cfg_scale"] == 5.5 and drawn.info["steps"] == 12
assert drawn.parameters["prompt"] == "a red circle on a blue background"
# The builtin model fills the corners with the background.
corners = [mean(drawn.images[0], box) for box in ((0, 0, 16, 16), (112, 112, 128, 128))]
assert all(likely(corner, (36, 76, 220)) for corner in corners), corners
again = api.txt2img(
    prompt="a red circle on a blue background", negative_prompt="a green star", seed=1004, cfg_scale=5.5, sampler_name="DPM++ 2M",
    scheduler="Karras", **size
)
assert again.image.tobytes() == drawn.images[1].tobytes(), "a seed gives the same picture alone and as the second of two, by either name"
random = api.txt2img(prompt="a red circle on a blue background", **size)
assert random.info["seed"] >= 0

# What is in the file, read by the server and by somebody else.
text = drawn.images[0].info["parameters"]
assert text == drawn.info["infotexts"][0]
read = api.png_info(drawn.images[0])
assert read.info == text, read.info
assert read.parameters["Sampler"] == "DPM++ 2M" and read.parameters["Seed"] == "1003"
parsed = ParserManager().parse(io.BytesIO(base64.b64decode(drawn.json["images"][0])))
sampler = parsed.samplers[0]
assert sampler.name == "DPM++ 2M", parsed
assert sampler.parameters == {"scheduler": "Karras", "cfg_scale": "5.5", "seed": "1003", "steps": "12"}, sampler.parameters
assert [prompt.value for prompt in sampler.prompts] == ["a red circle on a blue background"]
assert [prompt.value for prompt in sampler.negative_prompts] == ["a green star"]
assert sampler.model.name == title.split(" [")[0] and parsed.metadata["Size"] == "128x128", parsed

# Seeds that are varied: the seed stays, the other one goes on, and each picture can be had alone.
words = {"prompt": "a red circle on a blue background", "cfg_scale": 5.5}
varied = api.txt2img(seed=1003, subseed=40, subseed_strength=0.3, n_iter=2, **words, **size)
assert (varied.info["all_seeds"], varied.info["all_subseeds"]) == ([1003, 1003], [40, 41]), varied.info
assert varied.info["subseed_strength"] == 0.3
alone = api.txt2img(seed=1003, subseed=41, subseed_strength=0.3, **words, **size)
assert alone.image.tobytes() == varied.images[1].tobytes(), "a variation is the same picture alone"
plain = api.txt2img(seed=1003, subseed=40, subseed_strength=0, **words, **size)
others = [plain.image.tobytes(), varied.images[0].tobytes(), varied.images[1].tobytes()]
assert len(set(others)) == 3, "three pictures"
assert plain.image.tobytes() == api.txt2img(seed=1003, **words, **size).image.tobytes(), "no strength is no variation"
wide = api.txt2img(seed=1003, seed_resize_from_w=192, seed_resize_from_h=128, **words, **size)
assert wide.image.tobytes() != plain.image.tobytes() and wide.info["seed_resize_from_w"] == 192
found = told(varied, 1)
assert (found["seed"], found["variation_seed"], found["variation_seed_strength"]) == ("1003", "41", "0.3"), found
assert told(wide)["seed_resize_from"] == "192x128"

# Noise between the steps has seeds of its own where the settings say so.
delta = {"eta_noise_seed_delta": 31337}
moved = api.txt2img(seed=1003, sampler_name="Euler a", override_settings=delta, **words, **size)
usual = api.txt2img(seed=1003, sampler_name="Euler a", **words, **size)
assert moved.image.tobytes() != usual.image.tobytes()
assert told(moved)["ensd"] == "31337" and "ensd" not in told(usual), told(moved)

# Below a level of noise, every second evaluation without what is to be avoided.
halved = api.txt2img(seed=1003, override_settings={"s_min_uncond": 5}, **words, **size)
assert halved.image.tobytes() != plain.image.tobytes() and "NGMS: 5" in halved.info["infotexts"][0], halved.info

# In two passes.
modes = (webuiapi.HiResUpscaler.LatentBicubicAntialiased, webuiapi.HiResUpscaler.LatentNearestExact)
for upscaler in modes + (webuiapi.HiResUpscaler.Latent, webuiapi.HiResUpscaler.Lanczos):
    large = api.txt2img(
        prompt="a yellow star on a black background", seed=5, enable_hr=True, hr_scale=2, hr_upscaler=upscaler, hr_second_pass_steps=8,
        denoising_strength=0.4, **size
    )
    assert large.image.size == (256, 256)
    assert f"Hires upscale: 2, Hires steps: 8, Hires upscaler: {upscaler.value}" in large.info["infotexts"][0], large.info
    found = told(large)
    hires = found["hires_upscale"], found["hires_steps"], found["hires_upscaler"], found["denoising_strength"]
    assert hires == ("2", "8", upscaler.value, "0.4"), found
    assert likely(mean(large.image, (0, 0, 24, 24)), (0, 0, 0)), mean(large.image, (0, 0, 24, 24))

# Image to image: at a small strength the picture stays what it was.
near = api.img2img(
    images=[drawn.images[0]], prompt="a red circle on a blue background", denoising_strength=0.2, seed=7, cfg_scale=5.5, **size
)
assert near.image.size == (128, 128) and near.info["denoising_strength"] == 0.2
assert likely(mean(near.image, (0, 0, 16, 16)), corners[0])

# Of a picture twice as large the latents are made fewer.
small = api.img2img(
    images=[drawn.images[0].resize((256, 256))], resize_mode=3, prompt="a red circle on a blue background", denoising_strength=0.2, seed=7,
    cfg_scale=5.5, **size
)
assert small.image.size == (128, 128) and small.image.tobytes() != near.image.tobytes()
assert likely(mean(small.image, (0, 0, 16, 16)), corners[0]), mean(small.image, (0, 0, 16, 16))

# A part of a picture: what is not masked stays, bit for bit.
base = Image.new("RGB", (128, 128), (0, 0, 255))
pair = api.img2img(
    images=[drawn.images[0], base], batch_size=2, prompt="a red circle on a blue background", denoising_strength=0.2, seed=7, **size
)
assert len(pair.images) == 2 and likely(mean(pair.images[1], (48, 48, 80, 80)), (0, 0, 255)), "each from its own"
mask = Image.new("L", (128, 128), 0)
ImageDraw.Draw(mask).rectangle((40, 40, 88, 88), fill=255)
for whole in (True, False):
    painted = api.img2img(
        images=[base], mask_image=mask, prompt="a red circle on a blue background", denoising_strength=1, seed=3, mask_blur=2,
        inpaint_full_res=not whole, inpaint_full_res_padding=16, inpainting_fill=1, **size
    )
    assert painted.image.size == base.size
    outside = painted.image.convert("RGB").crop((0, 0, 128, 24))
    assert outside.tobytes() == base.crop((0, 0, 128, 24)).tobytes(), "what is not masked stays"
    inside = painted.image.convert("RGB").crop((44, 44, 84, 84))
    assert inside.tobytes() != base.crop((44, 44, 84, 84)).tobytes(), "what is masked is painted"

# What is masked begins as it was, as noise, or as nothing, and each is told.
contents = {}
for fill, content in ((1, "original"), (2, "latent noise"), (3, "latent nothing")):
    painted = api.img2img(
        images=[base], mask_image=mask, prompt="a red circle on a blue background", denoising_strength=0.8, seed=3, mask_blur=2,
        inpaint_full_res=False, inpainting_fill=fill, **size
    )
    assert told(painted)["masked_content"] == content, painted.info
    assert painted.image.convert("RGB").crop((0, 0, 128, 24)).tobytes() == base.crop((0, 0, 128, 24)).tobytes()
    contents[fill] = painted.image.tobytes()
assert len(set(contents.values())) == 3, "three beginnings, three pictures"

# Progress, and leaving.
idle = api.get_progress()
assert idle["progress"] == 0 and idle["state"]["job_count"] == 0, idle
seen, result = [], []


def draw():
    result.append(
        webuiapi.WebUIApi(host=host, port=int(port)).txt2img(prompt="a white cross on a green background", steps=60, n_iter=10, **size)
    )


drawing = threading.Thread(target=draw)
drawing.start()
for _ in range(2000):
    progress = api.get_progress()
    if progress["state"]["job_count"]:
        seen.append(progress)
    if progress["current_image"] and progress["progress"] > 0.01:
        break
    time.sleep(0.01)
assert 0 < seen[-1]["progress"] < 1 and seen[-1]["state"]["sampling_steps"] == 60, seen[-1:]
assert api.skip() is None
assert api.interrupt() == {}
drawing.join(timeout=120)
assert result and len(result[0].images) < 10, "it was left early"
assert api.get_progress()["progress"] == 0

# Settings are the caller's, and a request may have its own.
options = api.get_options()
options["CLIP_stop_at_last_layers"] = 2
assert api.set_options(options) is None
assert api.get_options()["CLIP_stop_at_last_layers"] == 2
assert api.txt2img(prompt="a red circle", steps=2, **size).info["clip_skip"] == 2
override = {"CLIP_stop_at_last_layers": 1, "samples_format": "jpg"}
own = api.txt2img(prompt="a red circle", steps=2, override_settings=override, **size)
assert own.info["clip_skip"] == 1 and own.image.format == "JPEG"
# They are kept for whoever comes with the same name, and what a request had of its own is gone with it.
other = webuiapi.WebUIApi(host=host, port=int(port))
assert (other.get_options()["CLIP_stop_at_last_layers"], other.get_options()["samples_format"]) == (2, "png")
assert other.txt2img(prompt="a red circle", steps=2, **size).info["clip_skip"] == 2
assert other.set_options({"CLIP_stop_at_last_layers": 1}) is None
assert api.get_options()["CLIP_stop_at_last_layers"] == 1
api.util_set_model("builtin")
assert api.util_get_current_model() == title

# Enlarging.
large = api.extra_single_image(drawn.images[0], upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=2)
assert large.image.size == (256, 256)
several = api.extra_batch_images([drawn.images[0], base], upscaler_1="Nearest", upscaling_resize=3)
assert [image.size for image in several.images] == [(384, 384)] * 2
assert several.images[1].convert("RGB").getpixel((0, 0)) == (0, 0, 255)

# What ControlNets would see.
assert api.controlnet_version() and isinstance(api.controlnet_model_list(), list)
assert {"none", "canny"} <= set(api.controlnet_module_list())
edges = api.controlnet_detect([mask.convert("RGB")], module="canny", threshold_a=100, threshold_b=200).image.convert("L")
assert edges.size == (128, 128) and edges.getextrema() == (0, 255) and edges.getpixel((64, 64)) == 0, "edges alone are white"

unit = webuiapi.ControlNetUnit(base, model="sd15_nowhere", weight=0.5)
try:
    api.txt2img(prompt="a red circle", steps=2, controlnet_units=[unit], alwayson_scripts={}, **size)
except RuntimeError as error:
    # It is the model that is not there; how the package writes a unit is understood.
    assert 400 <= error.args[0] < 500 and "control_mode" not in error.args[1] and "control" in error.args[1].lower(), error.args
else:
    raise AssertionError("a ControlNet that is not there was used")

# What cannot be done is an error that says so.
for call, status in (
    (lambda: api.txt2img(prompt="x", sampler_name="Eular", **size), 404),
    (lambda: api.txt2img(prompt="x", tiling=True, **size), 422),
    (lambda: api.img2img(prompt="x", **size), 404),
    (lambda: api.extra_single_image(base, upscaler_1="R-ESRGAN 4x+"), 422),
    (lambda: api.txt2img(prompt="x", adetailer=[webuiapi.ADetailer(ad_model="face_yolov8n.pt")], alwayson_scripts={}, **size), 422),
):
    try:
        call()
    except RuntimeError as error:
        assert error.args[0] == status, error.args
    else:
        raise AssertionError(f"{status} was expected")
