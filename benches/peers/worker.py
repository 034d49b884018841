"""One peer in a process of its own: reads a part from each line, runs it once, answers with the seconds as JSON.

usage: worker.py diffusers|openvino|pipeline|stable-diffusion.cpp FOLDER THREADS [f32|bf16] [channels-last] [compiled]

Parts: `text`, `unet` (two rows), `decode`; and `pictures COUNT STEPS`: so many pictures of so many guided steps, one after the other as a server
with one pipeline makes them, or `batch COUNT STEPS`: all in one call.
"""

import json
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

# What Easel's side does for a picture (`benches/src/bin/pictures.rs`).
PROMPT, GUIDANCE, SIDE = "a picture", 7.5, 512


def torch_of(threads: int, precision: str):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    return torch, {"f32": torch.float32, "bf16": torch.bfloat16}[precision]


def diffusers_parts(model: str, threads: int, precision: str, options: list[str]):
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    torch, dtype = torch_of(threads, precision)
    load = {"torch_dtype": dtype}
    unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet", **load).eval()
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae", **load).eval()
    text = CLIPTextModel.from_pretrained(model, subfolder="text_encoder", **load).eval()
    layout = torch.channels_last if "channels-last" in options else torch.contiguous_format
    unet, vae = unet.to(memory_format=layout), vae.to(memory_format=layout)
    decode = vae.decode
    if "compiled" in options:
        import torch._inductor.config as inductor

        inductor.freezing = True
        unet, decode, text = torch.compile(unet), torch.compile(vae.decode), torch.compile(text)
    x = torch.randn(2, 4, 64, 64, dtype=dtype).to(memory_format=layout)
    z = torch.randn(1, 4, 64, 64, dtype=dtype).to(memory_format=layout)
    context, ids, times = torch.randn(2, 77, 768, dtype=dtype), torch.full((1, 77), 49407), torch.full((2,), 500)
    # The bf16 pipeline keeps what is compiled by `inference_mode`; freezing needs gradients off.
    calls = {"unet": lambda: unet(x, times, context), "decode": lambda: decode(z), "text": lambda: text(ids)}

    def run(call):
        with torch.no_grad():
            call()

    return {part: lambda call=call: run(call) for part, call in calls.items()}


def pipeline_parts(model: str, threads: int, precision: str, options: list[str]):
    from diffusers import StableDiffusionPipeline

    torch, dtype = torch_of(threads, precision)
    pipeline = StableDiffusionPipeline.from_pretrained(model, torch_dtype=dtype)
    if "channels-last" in options:
        pipeline.unet.to(memory_format=torch.channels_last)
        pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)

    def draw(count: int, steps: int):
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in range(count)]
        shared = {"num_inference_steps": steps, "guidance_scale": GUIDANCE, "height": SIDE, "width": SIDE}
        pipeline([PROMPT] * count, generator=generators, **shared)

    return {"pictures": lambda count, steps: [draw(1, steps) for _ in range(count)], "batch": draw}


def openvino_parts(model: str, threads: int, precision: str, _options: list[str]):
    import numpy as np
    import openvino as ov

    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    core, random, parts = ov.Core(), np.random.default_rng(1), {}
    inputs = {
        "unet": [random.standard_normal((2, 4, 64, 64), "f4"), np.array(500, "i8"), random.standard_normal((2, 77, 768), "f4")],
        "decode": [random.standard_normal((1, 4, 64, 64), "f4")],
        "text": [np.full((1, 77), 49407, "i8")],
    }
    for part, values in inputs.items():
        converted = Path(model) / f"openvino_{part}.xml"
        network = core.read_model(str(converted))
        # Shapes that are known are what it is fastest with.
        network.reshape(dict(zip(network.inputs, [list(value.shape) for value in values])))
        request = core.compile_model(network, "CPU", options).create_infer_request()
        parts[part] = lambda request=request, values=values: request.infer(values)
    return parts


def cpp_parts(model: str, threads: int, _precision: str, _options: list[str]):
    from stable_diffusion_cpp import StableDiffusion

    drawing = StableDiffusion(model_path=str(Path(model) / "single.safetensors"), n_threads=threads, verbose=False)

    def draw(count: int, steps: int):
        for seed in range(count):
            drawing.generate_image(
                prompt=PROMPT, width=SIDE, height=SIDE, sample_steps=steps, cfg_scale=GUIDANCE, sample_method="euler", seed=seed
            )

    return {"pictures": draw}


PEERS = {"diffusers": diffusers_parts, "pipeline": pipeline_parts, "openvino": openvino_parts, "stable-diffusion.cpp": cpp_parts}


def main() -> None:
    name, model, threads, precision, *options = sys.argv[1:]
    before = time.perf_counter()
    parts = PEERS[name](model, int(threads), precision, options)
    tell = sys.stdout
    # Nothing that a library prints gets between the answers.
    sys.stdout = sys.stderr
    print(json.dumps({"part": "load", "seconds": [time.perf_counter() - before], "parts": list(parts)}), file=tell, flush=True)
    for line in sys.stdin:
        part, *numbers = line.split()
        before = time.perf_counter()
        parts[part](*map(int, numbers))
        print(json.dumps({"part": line.strip(), "seconds": [time.perf_counter() - before]}), file=tell, flush=True)


main()
