"""One peer in a process of its own: reads the name of a part from each line, runs it once, answers with the seconds as JSON.

usage: worker.py diffusers|diffusers-channels-last|diffusers-pipeline|openvino MODEL THREADS
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

# What the `parts` example of Easel's models does for a picture.
PROMPT, STEPS, GUIDANCE = "a picture", 20, 7.5


def diffusers_parts(model: str, threads: int, channels_last: bool):
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet").eval()
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae").eval()
    text = CLIPTextModel.from_pretrained(model, subfolder="text_encoder").eval()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    unet, vae = unet.to(memory_format=layout), vae.to(memory_format=layout)
    x = torch.randn(2, 4, 64, 64).to(memory_format=layout)
    context, z, ids = torch.randn(2, 77, 768), torch.randn(1, 4, 64, 64).to(memory_format=layout), torch.full((1, 77), 49407)
    times = torch.full((2,), 500)

    def without_gradients(call):
        def run():
            with torch.inference_mode():
                call()
        return run

    return {
        "unet": without_gradients(lambda: unet(x, times, context)),
        "decode": without_gradients(lambda: vae.decode(z)),
        "text": without_gradients(lambda: text(ids)),
    }


def pipeline_parts(model: str, threads: int):
    import torch
    from diffusers import StableDiffusionPipeline

    torch.set_num_threads(threads)
    pipeline = StableDiffusionPipeline.from_pretrained(model)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    pipeline.set_progress_bar_config(disable=True)

    def picture():
        generator = torch.Generator("cpu").manual_seed(1)
        pipeline(PROMPT, num_inference_steps=STEPS, guidance_scale=GUIDANCE, height=512, width=512, generator=generator)

    return {"picture": picture}


def openvino_parts(model: str, threads: int):
    import numpy as np
    import openvino as ov

    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    core, random, parts = ov.Core(), np.random.default_rng(1), {}
    inputs = {
        "unet": [random.standard_normal((2, 4, 64, 64), "f4"), np.array(500, "i8"), random.standard_normal((2, 77, 768), "f4")],
        "decode": [random.standard_normal((1, 4, 64, 64), "f4")],
        "text": [np.full((1, 77), 49407, "i8")],
    }
    for part, values in inputs.items():
        converted = Path(model) / f"openvino_{part}.xml"
        if not converted.exists():
            convert(model, part, values, converted)
        network = core.read_model(str(converted))
        # Shapes that are known are what it is fastest with.
        network.reshape(dict(zip(network.inputs, [list(value.shape) for value in values])))
        request = core.compile_model(network, "CPU", options).create_infer_request()
        parts[part] = lambda request=request, values=values: request.infer(values)
    return parts


def convert(model: str, part: str, inputs, to: Path) -> None:
    import openvino as ov
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    class Plain(torch.nn.Module):
        """Tensors in, a tensor out."""

        def __init__(self, network, call):
            super().__init__()
            self.network, self.call = network, call

        def forward(self, *inputs):
            return self.call(self.network, *inputs)

    plain = {
        "unet": lambda: Plain(
            UNet2DConditionModel.from_pretrained(model, subfolder="unet").eval(),
            lambda network, x, time, context: network(x, time, context, return_dict=False)[0],
        ),
        "decode": lambda: Plain(
            AutoencoderKL.from_pretrained(model, subfolder="vae").eval(), lambda network, z: network.decode(z, return_dict=False)[0]
        ),
        "text": lambda: Plain(
            CLIPTextModel.from_pretrained(model, subfolder="text_encoder").eval(), lambda network, ids: network(ids, return_dict=False)[0]
        ),
    }
    with torch.no_grad():
        example = tuple(torch.from_numpy(value) for value in inputs)
        ov.save_model(ov.convert_model(plain[part](), example_input=example), to, compress_to_fp16=False)


def parts_of(name: str, model: str, threads: int):
    if name == "openvino":
        return openvino_parts(model, threads)
    if name == "diffusers-pipeline":
        return pipeline_parts(model, threads)
    return diffusers_parts(model, threads, name.endswith("channels-last"))


def main() -> None:
    name, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    before = time.perf_counter()
    parts = parts_of(name, model, threads)
    print(json.dumps({"part": "load", "seconds": [time.perf_counter() - before], "parts": list(parts)}), flush=True)
    for line in sys.stdin:
        before = time.perf_counter()
        parts[line.strip()]()
        seconds = time.perf_counter() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"part": line.strip(), "seconds": [seconds], "peak_bytes": peak}), flush=True)


main()
