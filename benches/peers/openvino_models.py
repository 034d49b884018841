"""The parts of a diffusers model converted for OpenVINO, beside the model."""

from pathlib import Path


def convert(folder: Path) -> None:
    """Converts what is not there yet; in f32, so that OpenVINO itself decides what it computes in."""
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

    def load(kind, part):
        return kind.from_pretrained(folder, subfolder=part).eval()

    parts = {
        "unet": (
            lambda: Plain(load(UNet2DConditionModel, "unet"), lambda network, x, t, c: network(x, t, c, return_dict=False)[0]),
            (torch.randn(2, 4, 64, 64), torch.tensor(500), torch.randn(2, 77, 768)),
        ),
        "decode": (
            lambda: Plain(load(AutoencoderKL, "vae"), lambda network, z: network.decode(z, return_dict=False)[0]),
            (torch.randn(1, 4, 64, 64),),
        ),
        "text": (
            lambda: Plain(load(CLIPTextModel, "text_encoder"), lambda network, ids: network(ids, return_dict=False)[0]),
            (torch.full((1, 77), 49407),),
        ),
    }
    for part, (network, example) in parts.items():
        file = folder / f"openvino_{part}.xml"
        if not file.exists():
            with torch.no_grad():
                ov.save_model(ov.convert_model(network(), example_input=example), file, compress_to_fp16=False)
