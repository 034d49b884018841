"""Makes a work folder from the exported weights, so that training can go on where the weights in the repository stand.

usage: resume.py FOLDER WORK
"""
import pathlib, sys
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel


def main():
    folder, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").state_dict()
    text = CLIPTextModel.from_pretrained(folder / "text_encoder").state_dict()
    torch.save(dict(average=vae.state_dict(), scale=vae.config.scaling_factor), work / "vae.pt")
    torch.save({"unet": unet, "text": text, "average unet": unet, "average text": text, "step": 0,
                "scale": vae.config.scaling_factor}, work / "unet.pt")


if __name__ == "__main__":
    main()
