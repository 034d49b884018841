"""Trains the denoiser and the text encoder together, on latents that are computed once.

usage: train_unet.py WORK [--steps N] [--pictures N]      needs WORK/vae.pt; resumes from WORK/unet.pt
The scenes of the held-out prompts are neither drawn nor named nor sampled here.
"""
import argparse, copy, math, pathlib, sys, time
import numpy as np, torch
import torch.distributed as together
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel

import scenes, tokens, train_vae
from threads import Threads

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check

NOISE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
             prediction_type="v_prediction")


def denoiser():
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(64, 96, 160), layers_per_block=1,
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        cross_attention_dim=128, attention_head_dim=4, norm_num_groups=16)


def text_encoder(vocabulary):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=128, intermediate_size=256, projection_dim=128, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1))


def load_vae(work):
    vae, best = train_vae.model(), work / "decoder.pt"  # the decoder trained on, once there is one
    vae.load_state_dict(torch.load(best if best.exists() else work / "vae.pt")["average"])
    return vae.eval().requires_grad_(False)


def encode_pictures(work, vae, count):
    """Draws `count` training scenes and stores their latents, scaled to a standard deviation of 1."""
    combinations = scenes.training_combinations()
    core = [(1 + (s in scenes.CORE_SHAPES)) * (1.5 if f in scenes.CORE_COLOURS and g in scenes.CORE_COLOURS else 1)
            for f, s, g in combinations]
    core = np.array(core) / sum(core)
    latents, shown, began = [], [], time.time()
    for start in range(0, count, 50):
        pixels = []
        for i in range(start, start + 50):
            rng = np.random.default_rng([11, i])
            scene = scenes.scene_of(rng, combinations[rng.choice(len(combinations), p=core)])
            pixels.append(scenes.draw(rng, scene))
            shown.append(scene)
        x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            latents.append(vae.encode(x).latent_dist.mean.float())
        if start % 1000 == 0:
            print(f"pictures {start + 50} of {count}, {(start + 50) / (time.time() - began):.0f}/s", flush=True)
    latents = torch.cat(latents)
    # A denoiser that is trained further (resume.py) must see the latents at the scale it knows.
    scale = torch.load(work / "vae.pt").get("scale") or 1 / latents.std().item()
    torch.save(dict(latents=(latents * scale).half(), scenes=shown, scale=scale), work / "latents.pt")


def tokenise(tokenizer, texts):
    return tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


@torch.no_grad()
def draw(unet, text, tokenizer, prompts, guidance=3.0, steps=20, seed=0):
    """Latents for prompts by a fast sampler, each from its own seed."""
    scheduler = DPMSolverMultistepScheduler(**NOISE, timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    x = torch.cat([torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed + i)) for i in range(len(prompts))])
    states = text(tokenise(tokenizer, [""] * len(prompts) + prompts)).last_hidden_state
    for t in scheduler.timesteps:
        free, told = unet(torch.cat([x, x]), t, states).sample.float().chunk(2)
        x = scheduler.step(free + guidance * (told - free), t, x).prev_sample
    return x


@torch.no_grad()
def decode(vae, z):
    """The u8 pictures of unscaled latents."""
    y = torch.cat([vae.decode(part).sample.float() for part in z.split(10)])
    return ((y.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def evaluate(models, vae, scale, tokenizer, count, folder, label):
    """How many prompts of the training split are drawn right: the held-out ones are for the one figure at the end."""
    every = [c for c in scenes.training_combinations() if c[1] in scenes.CORE_SHAPES]
    chosen = [every[i] for i in np.random.default_rng(2).permutation(len(every))[:count]]
    pictures = decode(vae, draw(*models, tokenizer, [scenes.prompt(*c) for c in chosen]) / scale)
    wrong = [(scenes.prompt(*c), why) for c, p in zip(chosen, pictures) if (why := check.judge(Image.fromarray(p), c))]
    for prompt, why in wrong[:6]:
        print(f"    {prompt}: {why}")
    print(f"  seen prompts, {label}: {100 * (1 - len(wrong) / count):.1f} % of {count}", flush=True)
    grid = pictures[:24].reshape(4, 6, 128, 128, 3).swapaxes(1, 2).reshape(512, 768, 3)
    Image.fromarray(grid).save(folder / "samples.png")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("work", type=pathlib.Path)
    ap.add_argument("--steps", type=int, default=9000)
    ap.add_argument("--batch", type=int, default=32)
    ap.add_argument("--rate", type=float, default=1e-3)
    ap.add_argument("--noisier", type=float, default=0.75, help="below 1: more of the noisy steps; 1: evenly")
    ap.add_argument("--pictures", type=int, default=20000)
    ap.add_argument("--every", type=int, default=500, help="steps between evaluations")
    ap.add_argument("--threads", type=int, default=1, help="per process")
    ap.add_argument("--processes", type=int, default=2, help="each takes its own batch of every step")
    a = ap.parse_args()
    meeting = a.work / "meeting"
    meeting.unlink(missing_ok=True)
    if not (a.work / "latents.pt").exists():
        torch.set_num_threads(a.processes)
        encode_pictures(a.work, load_vae(a.work), a.pictures)
    torch.multiprocessing.spawn(train, (a, meeting), a.processes)


def train(rank, a, meeting):
    together.init_process_group("gloo", init_method=f"file://{meeting.resolve()}", rank=rank, world_size=a.processes)
    threads = Threads(a.threads)
    torch.manual_seed(0)
    # Each process on its own: they differ only in the pictures they draw from the pool.
    tokenizer, vae = tokens.build(a.work / f"tokenizer{rank}"), load_vae(a.work)
    data = torch.load(a.work / "latents.pt")
    latents, shown, scale = data["latents"], data["scenes"], data["scale"]
    # The star is the hardest to learn; the extra shapes are only there for variety.
    often = np.array([2.0 if shape == "star" else 1.0 if shape in scenes.CORE_SHAPES else 0.7 for _, shape, _, _ in shown])
    often = often.cumsum() / often.sum()

    unet, text = denoiser(), text_encoder(len(tokenizer))
    params = [*unet.parameters(), *text.parameters()]
    optimiser = torch.optim.AdamW(params, lr=0, weight_decay=0.01, betas=(0.9, 0.99), fused=True)
    average = copy.deepcopy((unet, text))
    step, saved = 0, a.work / "unet.pt"
    if saved.exists():
        state = torch.load(saved)
        for module, name in ((unet, "unet"), (text, "text"), (average[0], "average unet"), (average[1], "average text")):
            module.load_state_dict(state[name])
        if "optimiser" in state:
            optimiser.load_state_dict(state["optimiser"])
        step = state["step"]

    def save():
        torch.save({"unet": unet.state_dict(), "text": text.state_dict(), "average unet": average[0].state_dict(),
                    "average text": average[1].state_dict(), "optimiser": optimiser.state_dict(), "step": step,
                    "scale": scale}, saved.with_suffix(".tmp"))
        saved.with_suffix(".tmp").rename(saved)

    kept = DPMSolverMultistepScheduler(**NOISE).alphas_cumprod.float()
    print(f"process {rank}: unet {sum(p.numel() for p in unet.parameters())}, text encoder {sum(p.numel() for p in text.parameters())} parameters; "
          f"{len(latents)} pictures, latents' mean {latents.float().mean():.3f}, scale {scale:.4f}; step {step} of {a.steps}", flush=True)
    began, first, last_save, sums = time.time(), step, time.time(), []
    while step < a.steps:
        rng = np.random.default_rng([13, step, rank])
        torch.manual_seed(step * a.processes + rank)
        chosen = often.searchsorted(rng.random(a.batch))
        x = latents[chosen].float()
        ids = tokenise(tokenizer, [scenes.caption(rng, shown[i]) for i in chosen])
        # Spread evenly over a batch, with more of the noisy steps: where and what the figure is gets decided there.
        t = torch.from_numpy((((np.arange(a.batch) + rng.random(a.batch)) / a.batch) ** a.noisier * 1000).astype(int))
        signal = kept[t][:, None, None, None]
        noise = torch.randn_like(x)
        noisy, target = signal.sqrt() * x + (1 - signal).sqrt() * noise, signal.sqrt() * noise - (1 - signal).sqrt() * x
        optimiser.param_groups[0]["lr"] = a.rate * min(1, (step + 1) / 200) * (
            0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * step / a.steps)))
        with torch.autocast("cpu", torch.bfloat16):
            guess = unet(noisy, t, text(ids).last_hidden_state).sample
        # No min-SNR weight: it would all but ignore the noisiest steps, which settle the shape of so plain a picture.
        loss = ((guess.float() - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        flat = torch.cat([p.grad.reshape(-1) for p in params])
        together.all_reduce(flat)
        for p, part in zip(params, (flat / a.processes).split([p.numel() for p in params])):
            p.grad.copy_(part.view_as(p))
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimiser.step()
        step += 1
        threads.step()
        with torch.no_grad():
            keep = min(0.995, (step + 1) / (step + 20))
            for mean, module in zip(average, (unet, text)):
                torch._foreach_lerp_(list(mean.parameters()), list(module.parameters()), 1 - keep)
        if rank:
            continue
        sums.append(loss.item())
        if step % 50 == 0:
            speed = (step - first) / (time.time() - began)
            print(f"step {step} loss {np.mean(sums):.4f} {speed:.2f} step/s ({torch.get_num_threads()} threads) "
                  f"ETA {(a.steps - step) / speed / 60:.1f} min", flush=True)
            sums = []
        if time.time() - last_save > 120:
            save()
            last_save = time.time()
        if step % a.every == 0 or step == a.steps:
            evaluate(average, vae, scale, tokenizer, 200 if step == a.steps else 24, a.work, f"step {step}")
    if rank == 0:
        save()


if __name__ == "__main__":
    main()
