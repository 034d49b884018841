"""One peer in a process of its own: reads the name of a part from each line, runs it once, answers with the seconds as JSON.

usage: worker.py diffusers|diffusers-channels-last|openvino MODEL THREADS
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")


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


def openvino_parts(model: str, threads: int):
    import numpy as np
    import openvino as ov

    converted = Path(model) / "openvino_unet_pair.xml"
    if not converted.exists():
        convert(model, converted)
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    core = ov.Core()
    network = core.read_model(str(converted))
    # Shapes that are known are what it is fastest with.
    network.reshape(dict(zip(network.inputs, [[2, 4, 64, 64], [], [2, 77, 768]])))
    request = core.compile_model(network, "CPU", options).create_infer_request()
    random = np.random.default_rng(1)
    inputs = [random.standard_normal((2, 4, 64, 64), "f4"), np.array(500, "i8"), random.standard_normal((2, 77, 768), "f4")]
    return {"unet": lambda: request.infer(inputs)}


def convert(model: str, to: Path) -> None:
    import openvino as ov
    import torch
    from diffusers import UNet2DConditionModel

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet").eval()

        def forward(self, x, time, context):
            return self.unet(x, time, context, return_dict=False)[0]

    with torch.no_grad():
        example = (torch.randn(2, 4, 64, 64), torch.tensor(500), torch.randn(2, 77, 768))
        ov.save_model(ov.convert_model(Plain(), example_input=example), to, compress_to_fp16=False)


def main() -> None:
    name, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    before = time.perf_counter()
    parts = openvino_parts(model, threads) if name == "openvino" else diffusers_parts(model, threads, name.endswith("channels-last"))
    print(json.dumps({"part": "load", "seconds": [time.perf_counter() - before], "parts": list(parts)}), flush=True)
    for line in sys.stdin:
        before = time.perf_counter()
        parts[line.strip()]()
        seconds = time.perf_counter() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"part": line.strip(), "seconds": [seconds], "peak_bytes": peak}), flush=True)


main()
