"""Fits the linear map from latents to the picture averaged over 8x8 blocks, which previews are drawn with.

Least squares over training pictures: the posterior's mean, scaled as the denoiser sees it, against colours in -1..1.
Prints the lines for ../defaults.toml and how close the map comes on pictures that were not fitted.
usage: fit_preview.py [MODEL_FOLDER]
"""
import pathlib, sys
import numpy as np, torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from train_vae import batch

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()


@torch.no_grad()
def pairs(first, batches):
    """Latents with a column of ones, and colours, one row per latent pixel."""
    latents, colours = [], []
    for step in range(first, first + batches):
        x = batch(step, 16, 128)
        z = vae.encode(x).latent_dist.mean * vae.config.scaling_factor
        latents.append(z.permute(0, 2, 3, 1).reshape(-1, z.shape[1]))
        colours.append(F.avg_pool2d(x, 8).permute(0, 2, 3, 1).reshape(-1, 3))
    latents = torch.cat(latents).double().numpy()
    return np.hstack([latents, np.ones((len(latents), 1))]), torch.cat(colours).double().numpy()


latents, colours = pairs(10_000_000, 32)
solution, *_ = np.linalg.lstsq(latents, colours, rcond=None)
solution = solution.round(4)
latents, colours = pairs(20_000_000, 8)
error = np.mean((np.clip(latents @ solution, -1, 1) - colours) ** 2) / 4
row = lambda values: "[" + ", ".join(f"{v:.4f}" for v in values) + "]"
print("latent_rgb_factors = [" + ", ".join(map(row, solution[:-1])) + "]")
print("latent_rgb_bias = " + row(solution[-1]))
print(f"# {-10 * np.log10(error):.1f} dB on {len(latents) // 256} pictures that were not fitted", file=sys.stderr)
