"""Writes the trained parts as a diffusers folder with half-precision weights.

usage: export.py WORK FOLDER
"""
import json, pathlib, sys, tempfile, shutil
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

import tokens, train_unet


def main():
    work, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    state, vae = torch.load(work / "unet.pt"), train_unet.load_vae(work)
    vae.register_to_config(scaling_factor=round(state["scale"], 6))
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = tokens.build(pathlib.Path(scratch) / "tokenizer")
        unet, text = train_unet.denoiser(), train_unet.text_encoder(len(tokenizer))
        unet.load_state_dict(state["average unet"])
        text.load_state_dict(state["average text"])
        for name, part in (("unet", unet), ("text_encoder", text), ("vae", vae)):
            largest = max(v.abs().max().item() for v in part.state_dict().values() if v.is_floating_point())
            assert largest < 6e4, (name, largest)  # half precision ends at 65504
            print(f"{name}: {sum(p.numel() for p in part.parameters())} parameters, largest weight {largest:.2f}")
        pipe = StableDiffusionPipeline(
            vae=vae.half(), text_encoder=text.half(), tokenizer=tokenizer, unet=unet.half(), safety_checker=None,
            feature_extractor=None, requires_safety_checker=False,
            scheduler=DPMSolverMultistepScheduler(**train_unet.NOISE, timestep_spacing="trailing", steps_offset=1))
        pipe.save_pretrained(pathlib.Path(scratch) / "model")
        for part in ("scheduler", "text_encoder", "tokenizer", "unet", "vae"):
            shutil.rmtree(folder / part, ignore_errors=True)
            shutil.copytree(pathlib.Path(scratch) / "model" / part, folder / part)
        shutil.copy(pathlib.Path(scratch) / "model" / "model_index.json", folder)
    # The class named in the file ignores the last two, which are for other samplers. The rest is left to the defaults:
    # one of those is an infinity, which is not valid JSON.
    path = folder / "scheduler" / "scheduler_config.json"
    kept = ("_class_name", "_diffusers_version", *train_unet.NOISE, "timestep_spacing", "steps_offset", "algorithm_type",
            "solver_order", "solver_type", "final_sigmas_type")
    config = json.loads(path.read_text())
    config = {**{k: config[k] for k in kept}, "set_alpha_to_one": False, "clip_sample": False}
    path.write_text(json.dumps(config, indent=2) + "\n")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{folder}: {size / 1e6:.2f} MB at step {state['step']}")


if __name__ == "__main__":
    main()
