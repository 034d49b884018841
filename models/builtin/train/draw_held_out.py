"""Draws the held-out prompts with diffusers, for check.py --images: the reference that any other program is held against.

usage: draw_held_out.py MODEL OUT [--n 200] [--sampler dpm|euler|ddim] [--guidance 3] [--steps 20] [--half]
"""
import argparse, pathlib
import numpy as np, torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline

import scenes


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("model")
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--n", type=int, default=200)
    ap.add_argument("--sampler", choices=("dpm", "euler", "ddim"), default="dpm")
    ap.add_argument("--spacing", default=None)
    ap.add_argument("--guidance", type=float, default=3.0)
    ap.add_argument("--steps", type=int, default=20)
    ap.add_argument("--seed", type=int, default=1000)
    ap.add_argument("--half", action="store_true", help="compute in half precision too (the weights always are)")
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    pipe = StableDiffusionPipeline.from_pretrained(a.model, torch_dtype=torch.float16 if a.half else torch.float32)
    kind = dict(dpm=DPMSolverMultistepScheduler, euler=EulerDiscreteScheduler, ddim=DDIMScheduler)[a.sampler]
    more = {"timestep_spacing": a.spacing} if a.spacing else {}
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **more)
    pipe.set_progress_bar_config(disable=True)
    a.out.mkdir(parents=True, exist_ok=True)
    every = scenes.held_out()
    chosen = [scenes.prompt(*every[i % len(every)]) for i in np.random.default_rng(1).permutation(len(every))[:a.n]]
    for start in range(0, len(chosen), 10):
        prompts = chosen[start:start + 10]
        seeds = range(a.seed + start, a.seed + start + len(prompts))
        pictures = pipe(prompts, num_inference_steps=a.steps, guidance_scale=a.guidance, height=128, width=128,
                        generator=[torch.Generator().manual_seed(s) for s in seeds]).images
        for prompt, seed, picture in zip(prompts, seeds, pictures):
            picture.save(a.out / f"{prompt.replace(' ', '_')}-seed{seed}.png")


if __name__ == "__main__":
    main()
