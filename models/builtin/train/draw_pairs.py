"""Draws pictures with the trained denoiser and pairs the latents of each with the picture they were meant to be.

A small denoiser leaves outlines soft. For each drawing of a training prompt the ideal figure is moved, turned and sized
until it covers the drawn one best; the decoder is then trained to show that one (train_vae.py --decoder).
The scenes of the held-out prompts are not drawn here either.
usage: draw_pairs.py WORK [--count N] [--guidance 2 3] [--seed 0]      adds to WORK/pairs.pt; needs WORK/unet.pt
"""
import argparse, pathlib, sys, time
import numpy as np, torch

import scenes, tokens, train_unet

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check


def colours_and_cover(pixels):
    """The colours of the figure and of the ground of a drawing, and how much of each pixel the figure covers."""
    pixels = pixels.astype(np.float32)
    band = np.ones(pixels.shape[:2], bool)
    band[4:-4, 4:-4] = False
    ground = np.median(pixels[band], 0)
    away = np.linalg.norm(pixels - ground, axis=2)
    figure = np.median(pixels[away > 0.8 * np.quantile(away, 0.98)], 0)
    line = figure - ground
    return figure, ground, np.clip(((pixels - ground) @ line) / max(line @ line, 1), 0, 1)


def fit(cover, shape):
    """The polygons of the ideal shape that cover a drawn one best, and the intersection over union reached."""
    ideal = scenes.outline(shape)
    ys, xs = np.mgrid[:scenes.SIZE, :scenes.SIZE] + 0.5
    area = max(cover.sum(), 1)
    unit = scenes.mask([p * 40 + 64 for p in ideal])
    own = np.array([(unit * xs).sum(), (unit * ys).sum()]) / unit.sum() - 64
    radius = 40 * np.sqrt(area / unit.sum())
    start = np.array([(cover * xs).sum() / area, (cover * ys).sum() / area]) - own * radius / 40

    def polygons(x, y, angle, size):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return [p @ np.array([(c, s), (-s, c)]) * size + (x, y) for p in ideal]

    def likeness(at):
        one = scenes.mask(polygons(*at), fine=2)
        return np.minimum(one, cover).sum() / max(np.maximum(one, cover).sum(), 1)

    at = np.array([*start, 0.0, radius])
    best, step = likeness(at), np.array([2.0, 2.0, 3.0, 2.0])
    while step[0] > 0.1:
        before = best
        for axis in range(4):
            for sign in (-1, 1):
                other = at.copy()
                other[axis] += sign * step[axis]
                if abs(other[2]) <= 8 and (found := likeness(other)) > best:
                    at, best = other, found
                    break
        if best == before:
            step = step / 2
    return polygons(*at), best


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("work", type=pathlib.Path)
    ap.add_argument("--count", type=int, default=3000)
    ap.add_argument("--guidance", type=float, nargs="+", default=[2.0, 3.0])
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    tokenizer, vae = tokens.build(a.work / "tokenizer"), train_unet.load_vae(a.work)
    state = torch.load(a.work / "unet.pt")
    unet, text, scale = train_unet.denoiser(), train_unet.text_encoder(len(tokenizer)), state["scale"]
    unet.load_state_dict(state["average unet"])
    text.load_state_dict(state["average text"])
    combinations = scenes.training_combinations()
    often = np.array([5.0 if s == "star" else 3.0 if s in scenes.CORE_SHAPES else 1.0 for _, s, _ in combinations])
    saved, latents, pictures = a.work / "pairs.pt", [], []
    if saved.exists():
        old = torch.load(saved)
        latents, pictures = [old["latents"]], [old["pictures"]]
    began, drawn, kept = time.time(), 0, 0
    while drawn < a.count:
        rng = np.random.default_rng([17, a.seed, drawn])
        chosen = [combinations[i] for i in rng.choice(len(combinations), 20, p=often / often.sum())]
        sizes = [scenes.scene_of(rng, c)[3] for c in chosen]
        prompts = [scenes.prompt(f"{size} {f}" if size else f, s, g) for (f, s, g), size in zip(chosen, sizes)]
        with torch.autocast("cpu", torch.bfloat16):
            z = train_unet.draw(unet, text, tokenizer, prompts, guidance=rng.choice(a.guidance),
                                steps=int(rng.choice((12, 20))), seed=int(rng.integers(2 ** 40))) / scale
            drawings = train_unet.decode(vae, z)
        good = []
        for i, ((f, s, g), drawing) in enumerate(zip(chosen, drawings)):
            figure, ground, cover = colours_and_cover(drawing)
            if (check.name_colour(figure), check.name_colour(ground)) != (f, g):
                continue
            polygons, likeness = fit(cover, s)
            if likeness > 0.7:
                near = [np.clip(c, np.array(scenes.COLOURS[n]) - 10.0, np.array(scenes.COLOURS[n]) + 10.0).clip(0, 255)
                        for c, n in ((figure, f), (ground, g))]
                good.append(i)
                pictures.append(torch.from_numpy(scenes.paint(scenes.mask(polygons), *near))[None])
        latents.append(z[good].half())
        drawn, kept = drawn + len(chosen), kept + len(good)
        if drawn % 200 == 0 or drawn >= a.count:
            print(f"{drawn} drawn, {kept} kept, {drawn / (time.time() - began):.1f}/s", flush=True)
            torch.save(dict(latents=torch.cat(latents), pictures=torch.cat(pictures)), saved)


if __name__ == "__main__":
    main()
