#!/usr/bin/env python3
"""Checks that the built-in model draws what it is told: prompts of its grammar that training never saw.

usage: check.py --easel PATH [--n 200] [--seed 0] [--keep FOLDER] [--json]   draw held-out prompts with this program, check each
       check.py --images FOLDER [--json]                   check "a_red_star_on_a_blue_background[-seed1].png" and so on
       check.py --self-test                                check the check itself
Exits with 1 when fewer than 95 % are right. Needs numpy and Pillow.

A picture is right when its ground (the colour along the border), the colour of its one figure and the outline of that
figure are the ones of the prompt. The outline is compared, in any rotation, with ideal shapes and with shapes that do
not count (hexagon, ellipse, ...); nothing similar enough, a second object, a third colour or a gradient is a failure.
"""
import argparse, json, pathlib, re, subprocess, sys, tempfile
import numpy as np
from PIL import Image, ImageFilter

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "train"))
sys.dont_write_bytecode = True
import scenes

REQUIRED = 95.0
GRID, SPAN = 56, 2.9      # an outline is compared on GRID x GRID cells that span SPAN times the root of its area
SAME_COLOUR = 32          # RGB distance below which a pixel counts as ground
INSIDE = 45               # RGB distance from the figure's colour above which a pixel inside the figure is of another
NAMED_COLOUR = 70         # a colour farther than this from every named one has no name
LIKENESS, LEAD = 0.86, 0.015  # intersection over union needed, and by how much the best shape must lead the next
SYMMETRY = {"circle": 0, "ring": 0, "square": 90, "cross": 90, "star": 72, "triangle": 120, "diamond": 180}


# ---- outlines -----------------------------------------------------------------------------------------------------

def other_outlines():
    """Shapes that do not count: without them the nearest named shape would win for anything."""
    ellipse = lambda k: [scenes._arc(0, 360, 97) * (1, k)]
    box = lambda k: [np.array([(-1, -k), (1, -k), (1, k), (-1, k)])]
    regular = lambda n: [scenes._arc(0, 360 - 360 / n, n)]
    return {"ellipse": ellipse(0.72), "long ellipse": ellipse(0.5), "rectangle": box(0.7), "bar": box(0.4),
            "pentagon": regular(5), "hexagon": regular(6),
            "half disc": [scenes._arc(0, 180, 60)], "quarter disc": [np.concatenate([[(0, 0)], scenes._arc(0, 90, 40)])],
            "right triangle": [np.array([(0, 0), (1.6, 0), (0, 1)])], "tall triangle": [np.array([(-0.45, 0), (0.45, 0), (0, 1.5)])],
            "trapezium": [np.array([(-1, 0.5), (1, 0.5), (0.5, -0.5), (-0.5, -0.5)])],
            "parallelogram": [np.array([(-1, 0.5), (0.5, 0.5), (1, -0.5), (-0.5, -0.5)])],
            "drop": [np.concatenate([[(0, -1.7)], scenes._arc(-30, 210, 60)])],
            "ell": [np.array([(-1, -1), (-0.2, -1), (-0.2, 0.2), (1, 0.2), (1, 1), (-1, 1)])],
            "tee": [np.array([(-1, -1), (1, -1), (1, -0.35), (0.33, -0.35), (0.33, 1), (-0.33, 1), (-0.33, -0.35), (-1, -0.35)])]}


def standardise(cover):
    """A coverage map moved to its centroid and scaled by its area, so that only outline and rotation are left."""
    ys, xs = np.mgrid[:cover.shape[0], :cover.shape[1]] + 0.5
    area = cover.sum()
    cx, cy, step = (cover * xs).sum() / area, (cover * ys).sum() / area, SPAN * np.sqrt(area) / GRID
    affine = (step, 0, cx - step * GRID / 2, 0, step, cy - step * GRID / 2)
    return np.asarray(Image.fromarray(cover.astype(np.float32)).transform((GRID, GRID), Image.AFFINE, affine, Image.BILINEAR))


def templates():
    names, maps = [], []
    for name, polygons in [*((s, scenes.outline(s)) for s in scenes.SHAPES), *other_outlines().items()]:
        turn = SYMMETRY.get(name, 360)
        for angle in np.radians(np.arange(0, max(turn, 1), 4)):
            c, s = np.cos(angle), np.sin(angle)
            turned = [p @ np.array([(c, s), (-s, c)]) * 44 + 96 for p in polygons]
            names.append(name)
            maps.append(standardise(scenes.mask(turned, 192)))
    return np.array(names), np.stack(maps)


TEMPLATES = None


def shape_of(cover):
    """(name, likeness, next name, its likeness) of a coverage map."""
    global TEMPLATES
    TEMPLATES = TEMPLATES or templates()
    names, maps = TEMPLATES
    one = standardise(cover)
    likeness = np.minimum(maps, one).sum((1, 2)) / np.maximum(maps, one).sum((1, 2))
    best = {n: likeness[names == n].max() for n in dict.fromkeys(names)}
    (first, a), (second, b) = sorted(best.items(), key=lambda item: -item[1])[:2]
    return first, float(a), second, float(b)


# ---- pictures -----------------------------------------------------------------------------------------------------

def reach(seed, allowed):
    """The pixels of `allowed` connected to `seed`."""
    seed = seed & allowed
    while True:
        grown = seed.copy()
        grown[1:] |= seed[:-1]; grown[:-1] |= seed[1:]
        grown[:, 1:] |= seed[:, :-1]; grown[:, :-1] |= seed[:, 1:]
        grown &= allowed
        if grown.sum() == seed.sum():
            return seed
        seed = grown


def inner(region, depth=3):
    """The region without its outermost `depth` pixels: what no soft edge reaches. All of it where nothing else is left."""
    small = region.copy()
    for _ in range(depth):
        kept = small.copy()
        kept[1:] &= small[:-1]; kept[:-1] &= small[1:]; kept[:, 1:] &= small[:, :-1]; kept[:, :-1] &= small[:, 1:]
        small = kept
    return small if small.any() else region


def name_colour(rgb):
    names = list(scenes.COLOURS)
    distance = np.linalg.norm(np.array([scenes.COLOURS[n] for n in names]) - rgb, axis=1)
    return names[distance.argmin()] if distance.min() <= NAMED_COLOUR else None


def look(image):
    """What a picture shows: ((figure colour, shape, ground colour), "") or (None, why nothing is recognised)."""
    pixels = np.asarray(image.convert("RGB").resize((scenes.SIZE, scenes.SIZE), Image.BOX)
                        if image.size != (scenes.SIZE, scenes.SIZE) else image.convert("RGB"), np.float32)
    band = np.ones(pixels.shape[:2], bool)
    band[4:-4, 4:-4] = False
    ground = np.median(pixels[band], 0)
    away = np.linalg.norm(pixels - ground, axis=2)
    if (away[band] < SAME_COLOUR).mean() < 0.95:
        return None, "the border is not of one colour"
    rough = away > SAME_COLOUR
    if rough.mean() < 0.015:
        return None, "there is no figure"
    # The figure's colour is that of the pixels farthest from the ground, without the blended ones at the edge.
    figure = np.median(pixels[away > 0.8 * np.percentile(away[rough], 75)], 0)
    line = figure - ground
    cover = ((pixels - ground) @ line) / (line @ line)
    off_line = np.linalg.norm(pixels - ground - np.clip(cover, 0, 1)[..., None] * line, axis=2)
    if (off_line > 60).sum() > 0.03 * rough.sum():
        return None, "there is a third colour"
    blended = (cover > 0.25) & (cover < 0.75)
    if blended.sum() > 0.45 * (cover > 0.5).sum():
        return None, "the figure has no clear edge"
    solid = cover > 0.5
    main, rest = np.zeros_like(solid), solid
    while rest.any():
        seed = np.zeros_like(solid)
        seed[np.unravel_index(rest.argmax(), rest.shape)] = True
        part = reach(seed, rest)
        rest = rest & ~part
        if part.sum() > main.sum():
            main = part
    if (solid & ~main).sum() > 0.02 * main.sum():
        return None, "there is more than one object"
    if (np.linalg.norm(pixels[inner(main)] - figure, axis=1) > INSIDE).mean() > 0.03:
        return None, "the figure is not of one colour"
    colours = name_colour(figure), name_colour(ground)
    if None in colours:
        return None, f"a colour has no name: figure {figure.astype(int).tolist()}, ground {ground.astype(int).tolist()}"
    near = main.copy()  # the figure with its soft edge
    for _ in range(2):
        near[1:] |= near[:-1]; near[:-1] |= near[1:]; near[:, 1:] |= near[:, :-1]; near[:, :-1] |= near[:, 1:]
    shape, likeness, other, next_best = shape_of(np.clip(cover * 1.6 - 0.3, 0, 1) * near)
    if shape not in scenes.SHAPES or likeness < LIKENESS or likeness - next_best < LEAD:
        return None, f"the outline is not clear: {shape} {likeness:.2f}, {other} {next_best:.2f}; colours {colours[0]} on {colours[1]}"
    return (colours[0], shape, colours[1]), ""


GRAMMAR = re.compile(r"an? (\w+) (\w+) on an? (\w+) background")


def read_prompt(text):
    found = GRAMMAR.fullmatch(text)
    if not found or found[1] not in scenes.COLOURS or found[2] not in scenes.SHAPES or found[3] not in scenes.COLOURS:
        raise SystemExit(f"not a prompt of the grammar: {text!r}")
    return found.groups()


def judge(image, wanted):
    """Why a picture is wrong, or "" when it is right."""
    seen, why = look(image)
    if seen is None:
        return why
    return "" if seen == tuple(wanted) else f"shows {scenes.prompt(*seen)}"


# ---- the runs -----------------------------------------------------------------------------------------------------

def generate(program, prompt, path, seed):
    """The only place that knows the program's command line."""
    done = subprocess.run([program, "generate", prompt, "-o", str(path), "--seed", str(seed)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{program} generate failed: {done.stderr.strip() or done.stdout.strip()}")


def report(results, as_json):
    wrong = [r for r in results if r["why"]]
    percent = 100 * (1 - len(wrong) / max(len(results), 1))
    if as_json:
        print(json.dumps(dict(checked=len(results), right=len(results) - len(wrong), percent=round(percent, 2), wrong=wrong)))
    else:
        for r in wrong:
            print(f"wrong: {r['prompt']} (seed {r['seed']}): {r['why']}")
        print(f"{len(results) - len(wrong)} of {len(results)} right: {percent:.1f} %")
    return 0 if results and percent >= REQUIRED else 1


def run_easel(a):
    prompts = (HERE / "held_out.txt").read_text().split("\n")[:-1]
    # Spread over the list, so that a short run meets every shape.
    chosen = [prompts[i % len(prompts)] for i in np.random.default_rng(1).permutation(len(prompts))[:a.n]]
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(a.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for i, prompt in enumerate(chosen):
            seed = a.seed + i
            path = folder / f"{prompt.replace(' ', '_')}-seed{seed}.png"
            generate(a.easel, prompt, path, seed)
            results.append(dict(prompt=prompt, seed=seed, why=judge(Image.open(path), read_prompt(prompt))))
            if results[-1]["why"] and not a.json:
                print(f"{i + 1}/{len(chosen)} {prompt}: {results[-1]['why']}", flush=True)
    return report(results, a.json)


def run_images(a):
    results = []
    for path in sorted(pathlib.Path(a.images).glob("*.png")):
        stem, _, seed = path.stem.partition("-seed")
        prompt = stem.replace("_", " ")
        results.append(dict(prompt=prompt, seed=seed or "none", why=judge(Image.open(path), read_prompt(prompt))))
    return report(results, a.json)


def self_test():
    """Right pictures must be recognised, and pictures that show anything else refused."""
    rng = np.random.default_rng(3)
    names, failures, right, total, unfair = list(scenes.COLOURS), [], 0, 0, 0

    def spoil(pixels):
        image = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.4)))
        noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 8), pixels.shape)
        return Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))

    def two():
        return tuple(names[i] for i in rng.permutation(len(names))[:2])

    for shape in scenes.SHAPES:
        for n in range(100):
            figure, ground = two()
            size = (None, "small", "large")[n % 3]
            image = spoil(scenes.draw(rng, (figure, shape, ground, size)))
            why = judge(image, (figure, shape, ground))
            total += 1
            right += not why
            if why:
                failures.append(f"missed: {size or 'middle'} {scenes.prompt(figure, shape, ground)}: {why}")
            seen, _ = look(image)
            wrong = [(f, shape, ground) for f in names] + [(figure, s, ground) for s in scenes.SHAPES] \
                + [(figure, shape, g) for g in names] + [(ground, shape, figure)]
            for w in wrong:
                if w != (figure, shape, ground) and seen == w:
                    unfair += 1
                    failures.append(f"accepted: {scenes.prompt(*w)} for {scenes.prompt(figure, shape, ground)}")
    print(f"recognised {right} of {total}: {100 * right / total:.2f} %")

    def blob():
        t, k = np.linspace(0, 2 * np.pi, 129), np.arange(2, 7)[:, None]
        r = 1 + (rng.normal(0, 0.22, (5, 1)) * np.cos(k * t + rng.uniform(0, 6.3, (5, 1)))).sum(0)
        r = np.maximum(r, 0.1)
        points = np.stack([np.cos(t) * r, np.sin(t) * r], 1) * 34 / r.mean() + 64
        likeness = shape_of(scenes.mask([points]))
        return points, likeness

    def no_picture(kind):
        figure, ground = two()
        fig, gr = scenes.colour(rng, figure), scenes.colour(rng, ground)
        shape = scenes.SHAPES[rng.integers(len(scenes.SHAPES))]
        one = scenes.mask(scenes.place(rng, shape, 36))
        if kind == "empty":
            return scenes.paint(one * 0, fig, gr)
        if kind == "blob":
            while True:  # a blob may happen to be round; those are circles to any eye
                points, (_, likeness, _, _) = blob()
                if likeness < 0.85:
                    return scenes.paint(scenes.mask([points]), fig, gr)
        if kind == "other shape":
            others = list(other_outlines().values())
            return scenes.paint(scenes.mask([p * 34 + 64 for p in others[rng.integers(len(others))]]), fig, gr)
        if kind == "two figures":
            left = scenes.mask([p * 20 + (36, 40) for p in scenes.outline(shape)])
            right = scenes.mask([p * 20 + (90, 86) for p in scenes.outline(scenes.SHAPES[rng.integers(len(scenes.SHAPES))])])
            return scenes.paint(np.maximum(left, right), fig, gr)
        if kind == "two colours":
            third = scenes.colour(rng, next(n for n in names if n not in (figure, ground)))
            picture = scenes.paint(one, fig, gr)
            other = scenes.paint(one, third, gr)
            cut = int(np.nonzero(one.sum(1))[0].mean())
            picture[cut:] = other[cut:]
            return picture
        if kind == "two grounds":
            picture = scenes.paint(one, fig, gr)
            third = scenes.colour(rng, next(n for n in names if n not in (figure, ground)))
            picture[:, 64:] = scenes.paint(one, fig, third)[:, 64:]
            return picture
        if kind == "outline only":
            inner = scenes.mask(scenes.place(np.random.default_rng(1), "square", 40))
            hole = scenes.mask(scenes.place(np.random.default_rng(1), "square", 30))
            return scenes.paint(np.clip(inner - hole, 0, 1), fig, gr)
        if kind == "cut off":
            return scenes.paint(scenes.mask([p * 40 + (64, 6) for p in scenes.outline(shape)]), fig, gr)
        if kind == "noise":
            return rng.integers(0, 256, (128, 128, 3)).astype(np.uint8)
        ramp = np.linspace(0, 1, 128)[None, :].repeat(128, 0)
        return scenes.paint(ramp, fig, gr)

    refused = asked = 0
    for kind in ("empty", "blob", "other shape", "two figures", "two colours", "two grounds", "outline only", "cut off", "noise",
                 "gradient"):
        for _ in range(30):
            seen, _ = look(spoil(no_picture(kind)))
            asked += 1
            refused += seen is None
            if seen:
                failures.append(f"accepted a picture of kind '{kind}' as {scenes.prompt(*seen)}")
    print(f"refused {refused} of {asked} pictures that show nothing of the kind; {unfair} wrong prompts accepted")
    for line in failures:
        print(line)
    good = right >= 0.995 * total and refused == asked and unfair == 0
    print("self-test passed" if good else "self-test FAILED")
    return 0 if good else 1


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--easel", help="the program to draw with")
    ap.add_argument("--images", help="a folder of pictures named after their prompts")
    ap.add_argument("--self-test", action="store_true")
    ap.add_argument("--n", type=int, default=200, help="how many held-out prompts to draw")
    ap.add_argument("--seed", type=int, default=0, help="seed of the first picture; each next one is one higher")
    ap.add_argument("--keep", help="keep the pictures in this folder")
    ap.add_argument("--json", action="store_true")
    a = ap.parse_args()
    if a.self_test:
        return self_test()
    if a.images:
        return run_images(a)
    if a.easel:
        return run_easel(a)
    ap.error("one of --easel, --images and --self-test is needed")


if __name__ == "__main__":
    sys.exit(main())
