"""Models of public configurations with random weights, in the diffusers layout. Nothing is downloaded."""

import json
from pathlib import Path

import openvino_models
import single_file


def vocabulary(size: int) -> dict[str, int]:
    """Bytes as CLIP writes them, the same at a word's end, as many fillers as it takes, and the two marks."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [256 + i for i, _ in enumerate(b for b in range(256) if b not in printable)]
    letters = [chr(code) for code in printable + others]
    words = letters + [letter + "</w>" for letter in letters]
    words += [f"filler{i}</w>" for i in range(size - 2 - len(words))] + ["<|startoftext|>", "<|endoftext|>"]
    return {word: i for i, word in enumerate(words)}


def write_tokenizer(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary(size)))
    # Without merges every letter is a token: the arithmetic is the same.
    (folder / "merges.txt").write_text("#version: 0.2\n")
    marks = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | marks))
    (folder / "special_tokens_map.json").write_text(json.dumps(marks))


def sd15(folder: Path) -> None:
    """Stable Diffusion 1.5: 123 M, 860 M and 84 M parameters."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=768, intermediate_size=3072, projection_dim=768, num_hidden_layers=12,
            num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu",
            bos_token_id=49406, eos_token_id=49407, pad_token_id=49407,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280),
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
    )
    text.save_pretrained(folder / "text_encoder")
    unet.save_pretrained(folder / "unet", max_shard_size="20GB")
    vae.save_pretrained(folder / "vae")
    write_tokenizer(folder / "tokenizer", 49408)
    (folder / "scheduler").mkdir(exist_ok=True)
    scheduler = {
        "_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "steps_offset": 1, "timestep_spacing": "leading",
    }
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    index = {
        "_class_name": "StableDiffusionPipeline", "requires_safety_checker": False,
        "feature_extractor": [None, None], "safety_checker": [None, None], "image_encoder": [None, None],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))


def make(folder: Path) -> Path:
    """The model, made if it is not there; an unfinished one is made again."""
    if not (folder / "model_index.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        sd15(folder)
    return folder


def prepared(folder: Path, kinds: set[str]) -> Path:
    """The model, and what these kinds of peers read instead of it."""
    make(folder)
    if "openvino" in kinds:
        openvino_models.convert(folder)
    if "stable-diffusion.cpp" in kinds:
        single_file.make(folder, folder / "single.safetensors")
    return folder
