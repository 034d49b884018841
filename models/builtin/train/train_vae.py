"""Trains the autoencoder: 128x128 pictures to 16x16x4 latents and back.

Besides the reconstruction, a linear map of the latents must give the picture averaged over 8x8 blocks. Colour is then
linear in the latents, which the diffusion model learns faster and which makes cheap previews accurate.
usage: train_vae.py WORK [--steps N] [--final N]          resumes from WORK/vae.pt
       train_vae.py WORK --decoder --final N                    trains only the decoder further, to WORK/decoder.pt
The second leaves the latents as they are, so it can run after the denoiser has been trained. With the drawings of
draw_pairs.py (WORK/pairs.pt) the decoder learns to show the figure that the denoiser's soft latents stand for.
"""
import argparse, math, pathlib, time
import numpy as np, torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image, ImageDraw

import scenes
from threads import Threads


def model():
    return AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(16, 32, 64, 64),
                         layers_per_block=1, norm_num_groups=8, sample_size=128,
                         down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)


def picture(rng, size, figures):
    """Mostly single figures, in palette or random colours; else clutter and soft textures, so that photographs pass too."""
    kind = rng.random()
    anything = lambda: rng.uniform(0, 255, 3)
    if kind < figures:
        names = list(scenes.COLOURS)
        hue = (lambda: scenes.colour(rng, names[rng.integers(12)])) if rng.random() < 0.6 else anything
        shape = scenes.SHAPES[rng.integers(len(scenes.SHAPES))]
        polygons = scenes.place(rng, shape, rng.uniform(18, 54))
        shift = rng.uniform(0, scenes.SIZE - size, 2)  # a window of the picture
        return scenes.paint(scenes.mask([p - shift for p in polygons], size), hue(), hue())
    if kind < (1 + figures) / 2:
        image = Image.new("RGB", (size * 2, size * 2), tuple(anything().astype(int)))
        pen = ImageDraw.Draw(image)
        for _ in range(rng.integers(2, 9)):
            x, y = rng.uniform(-20, size * 2, 2)
            w, h = rng.uniform(4, size, 2)
            (pen.rectangle, pen.ellipse)[rng.integers(2)]((x, y, x + w, y + h), fill=tuple(anything().astype(int)))
        return np.asarray(image.reduce(2))
    cells = int(rng.integers(2, size // 4))
    noise = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(noise).resize((size, size), Image.BICUBIC))


def batch(step, count, size, figures=0.7):
    rng = np.random.default_rng([7, step])
    pixels = np.stack([picture(rng, size, figures) for _ in range(count)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def drawn(pairs, step, count):
    """Latents as the denoiser makes them, and the pictures to show for them."""
    rng = np.random.default_rng([8, step])
    chosen = rng.integers(0, len(pairs["latents"]), count)
    return pairs["latents"][chosen].float(), pairs["pictures"][chosen].permute(0, 3, 1, 2).float() / 127.5 - 1


def importance(x):
    """Weights of a picture's pixels: more along edges, and on the outermost pixels, which convolutions get wrong."""
    weight = torch.ones_like(x[:, :1])
    step = (F.max_pool2d(x, 3, 1, 1) + F.max_pool2d(-x, 3, 1, 1)).amax(1, keepdim=True)
    weight += 3 * F.avg_pool2d((step > 0.1).float(), 3, 1, 1)
    for edge in (weight[..., 0], weight[..., -1], weight[..., 0, :], weight[..., -1, :]):
        edge += 8
    return weight / weight.mean()


def balance(x):
    """Weights by which a figure of little contrast counts as much as any other."""
    contrast = (x.amax((2, 3)) - x.amin((2, 3))).norm(dim=1)
    return (1.7 / contrast).clamp(0.5, 3)[:, None, None, None]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("work", type=pathlib.Path)
    ap.add_argument("--steps", type=int, default=2200, help="steps on 64x64 windows")
    ap.add_argument("--final", type=int, default=250, help="steps on whole pictures after those")
    ap.add_argument("--decoder", action="store_true", help="keep the encoder as it is")
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    threads = Threads(a.threads)
    torch.manual_seed(0)
    a.work.mkdir(parents=True, exist_ok=True)
    vae, preview = model(), torch.nn.Conv2d(4, 3, 1)
    fixed = [*vae.encoder.parameters(), *vae.quant_conv.parameters()] if a.decoder else []
    for p in fixed:
        p.requires_grad_(False)
    params = [p for p in (*vae.parameters(), *preview.parameters()) if p.requires_grad]
    optimiser = torch.optim.AdamW(params, lr=0, weight_decay=0, betas=(0.9, 0.99))
    average = {k: v.clone() for k, v in vae.state_dict().items()}
    step, total, saved = 0, a.final + (0 if a.decoder else a.steps), a.work / ("decoder.pt" if a.decoder else "vae.pt")
    if a.decoder and not saved.exists():
        average = torch.load(a.work / "vae.pt")["average"]
        vae.load_state_dict(average)
    if saved.exists():
        state = torch.load(saved)
        vae.load_state_dict(state["vae"]); preview.load_state_dict(state["preview"])
        optimiser.load_state_dict(state["optimiser"]); average = state["average"]; step = state["step"]

    def save():
        torch.save(dict(vae=vae.state_dict(), preview=preview.state_dict(), optimiser=optimiser.state_dict(),
                        average=average, step=step), saved.with_suffix(".tmp"))
        saved.with_suffix(".tmp").rename(saved)

    drawings = a.work / "pairs.pt"
    pairs = torch.load(drawings) if a.decoder and drawings.exists() else None
    print(f"{sum(p.numel() for p in vae.parameters())} parameters, step {step} of {total}, "
          f"{len(pairs['latents']) if pairs else 0} drawings", flush=True)
    began, first, last_save, sums = time.time(), step, time.time(), []
    while step < total:
        if a.decoder:
            x = batch(step + 100000, 3 if pairs else 4, 128, 0.6 if pairs else 0.85)
        else:
            x = batch(step, 16, 64) if step < a.steps else batch(step, 6, 128)
        rate = (1e-3 if a.decoder else 2e-3) * min(1, (step + 1) / 100) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / total)))
        optimiser.param_groups[0]["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            post = vae.encode(x).latent_dist
            # The denoiser's latents are never exact: the decoder must bear a little noise.
            z = post.mean + 0.12 * torch.randn_like(post.mean) if a.decoder else post.sample()
            if pairs:
                soft, meant = drawn(pairs, step, 5)
                z, x = torch.cat([z, soft + 0.05 * torch.randn_like(soft)]), torch.cat([x, meant])
            y = vae.decode(z).sample
        y, mean, logvar = y.float(), post.mean.float(), post.logvar.float()
        weight = importance(x) if a.decoder else 1
        if pairs:
            weight[len(mean):] *= balance(x[len(mean):])
        error, square = (weight * (y - x).abs()).mean(), (weight * (y - x) ** 2).mean()
        kl = 0.5 * (mean ** 2 + logvar.exp() - 1 - logvar).mean()
        colour = F.mse_loss(preview(mean), F.avg_pool2d(x[:len(mean)], 8))
        loss = error + square + 4e-4 * kl + 0.3 * colour if not a.decoder else error + square
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        step += 1
        threads.step()
        with torch.no_grad():
            for k, v in vae.state_dict().items():
                average[k].lerp_(v, 1 - min(0.995 if a.decoder else 0.998, step / (step + 10)))
        sums.append([error.item(), square.item(), kl.item(), colour.item(), mean.std().item(), (0.5 * logvar).exp().mean().item()])
        if step % 25 == 0:
            m, speed = np.mean(sums, 0), (step - first) / (time.time() - began)
            sums = []
            print(f"step {step} l1 {m[0]:.4f} mse {m[1]:.4f} kl {m[2]:.3f} preview {m[3]:.4f} latent std {m[4]:.3f} noise {m[5]:.3f} "
                  f"{speed:.2f} step/s ({torch.get_num_threads()} threads) ETA {(total - step) / speed / 60:.1f} min", flush=True)
        if time.time() - last_save > 90:
            save(); last_save = time.time()
    save()


if __name__ == "__main__":
    main()
