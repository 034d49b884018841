"""Stable Diffusion 1.5 from the diffusers layout to a single checkpoint in the original layout, which is what stable-diffusion.cpp reads."""

import re
from pathlib import Path


def blocks() -> list[tuple[str, str]]:
    """Prefixes of the denoiser's blocks in both layouts."""
    names = []
    for level in range(4):
        for layer in range(2):
            block = f"input_blocks.{3 * level + layer + 1}"
            names.append((f"down_blocks.{level}.resnets.{layer}.", f"{block}.0."))
            names.append((f"down_blocks.{level}.attentions.{layer}.", f"{block}.1."))
        for layer in range(3):
            block = f"output_blocks.{3 * level + layer}"
            names.append((f"up_blocks.{level}.resnets.{layer}.", f"{block}.0."))
            names.append((f"up_blocks.{level}.attentions.{layer}.", f"{block}.1."))
        names.append((f"down_blocks.{level}.downsamplers.0.conv.", f"input_blocks.{3 * (level + 1)}.0.op."))
        names.append((f"up_blocks.{level}.upsamplers.0.", f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}."))
    return names + [
        ("mid_block.attentions.0.", "middle_block.1."), ("mid_block.resnets.0.", "middle_block.0."),
        ("mid_block.resnets.1.", "middle_block.2."), ("time_embedding.linear_1.", "time_embed.0."),
        ("time_embedding.linear_2.", "time_embed.2."), ("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."), ("conv_out.", "out.2."),
    ]


RESNET = [
    ("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("norm2.", "out_layers.0."), ("conv2.", "out_layers.3."),
    ("time_emb_proj.", "emb_layers.1."), ("conv_shortcut.", "skip_connection."),
]
AUTOENCODER = [
    ("conv_norm_out", "norm_out"), ("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2"),
    ("mid_block.attentions.0", "mid.attn_1"), ("conv_shortcut", "nin_shortcut"), ("downsamplers.0", "downsample"), ("upsamplers.0", "upsample"),
]
ATTENTION = [("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")]


def denoiser_name(name: str) -> str:
    found = next((new + name[len(old):] for old, new in blocks() if name.startswith(old)), None)
    if found is None:
        raise ValueError(f"a tensor of the denoiser that no rule names: {name}")
    for old, new in RESNET if "resnets" in name else []:
        found = found.replace(old, new)
    return "model.diffusion_model." + found


def autoencoder_name(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)", r"down.\1", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda found: f"up.{3 - int(found[1])}.block.{found[2]}", name)
    name = re.sub(r"up_blocks\.(\d)", lambda found: f"up.{3 - int(found[1])}", name)
    for old, new in AUTOENCODER + (ATTENTION if "attentions" in name else []):
        name = name.replace(old, new)
    return "first_stage_model." + name


def make(folder: Path, file: Path) -> Path:
    """The checkpoint in half precision, made if it is not there."""
    import torch
    from safetensors.torch import load_file, save_file

    if file.exists():
        return file
    tensors = {}
    for name, tensor in load_file(folder / "unet/diffusion_pytorch_model.safetensors").items():
        tensors[denoiser_name(name)] = tensor
    for name, tensor in load_file(folder / "vae/diffusion_pytorch_model.safetensors").items():
        new = autoencoder_name(name)
        # Attention's products are 1x1 convolutions there.
        convolution = "attn_1" in new and "norm" not in new and new.endswith("weight")
        tensors[new] = tensor.reshape(*tensor.shape, 1, 1) if convolution else tensor
    for name, tensor in load_file(folder / "text_encoder/model.safetensors").items():
        tensors["cond_stage_model.transformer." + (name if name.startswith("text_model.") else f"text_model.{name}")] = tensor
    half = {name: (tensor.to(torch.float16) if tensor.is_floating_point() else tensor).contiguous() for name, tensor in tensors.items()}
    partial = file.with_suffix(".part")
    save_file(half, partial)
    return partial.rename(file)
