"""The pictures and captions that the built-in model is trained on: one flat figure on a flat ground.

Everything is drawn from a numpy Generator, so the same seed gives the same picture and caption on every machine.
The checker (../check.py) uses the same palette and outlines, and draws its own templates from them.
"""
import numpy as np
from PIL import Image, ImageDraw

SIZE = 128
CORE_COLOURS = {"red": (222, 36, 36), "green": (34, 160, 60), "blue": (36, 76, 220), "yellow": (248, 222, 46),
                "orange": (250, 138, 20), "purple": (132, 46, 172), "white": (244, 244, 244), "black": (14, 14, 14)}
# The extra colours and shapes are there so that every pair of core colours, and every core shape, is seen in many
# combinations although most combinations of the core are held out.
EXTRA_COLOURS = {"pink": (250, 152, 192), "gray": (132, 132, 132), "brown": (118, 72, 34), "cyan": (58, 212, 226)}
COLOURS = {**CORE_COLOURS, **EXTRA_COLOURS}
CORE_SHAPES = ["circle", "square", "triangle", "star", "cross"]
EXTRA_SHAPES = ["diamond", "ring", "heart", "crescent"]
SHAPES = CORE_SHAPES + EXTRA_SHAPES
SPLIT_SEED = 20


def _arc(start, stop, n, radius=1.0, centre=(0.0, 0.0)):
    a = np.radians(np.linspace(start, stop, n))
    return np.stack([centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)], 1)


def outline(shape):
    """Polygons of a shape around (0, 0), y pointing down: the first is filled, any other is cut out of it."""
    if shape == "circle":
        return [_arc(0, 360, 97) * 0.88]
    if shape == "ring":
        return [_arc(0, 360, 97) * 0.94, _arc(0, 360, 97) * 0.5]
    if shape == "square":
        return [_arc(45, 315, 4) * 1.06]
    if shape == "triangle":
        return [_arc(-90, 150, 3) * 1.1 + (0, 0.16)]
    if shape == "diamond":
        return [np.array([(0, -1.08), (0.64, 0), (0, 1.08), (-0.64, 0)])]
    if shape == "star":
        points = _arc(-90, 234, 10) * 1.1
        points[1::2] *= 0.42
        return [points + (0, 0.05)]
    if shape == "cross":
        w = 0.33
        return [np.array([(-w, -1), (w, -1), (w, -w), (1, -w), (1, w), (w, w),
                          (w, 1), (-w, 1), (-w, w), (-1, w), (-1, -w), (-w, -w)])]
    if shape == "heart":
        t = np.linspace(0, 2 * np.pi, 97)
        x = 16 * np.sin(t) ** 3
        y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        return [np.stack([x, -y - 2.5], 1) / 16]
    if shape == "crescent":
        # The outer circle cut by an equal one moved to the right: the two arcs meet at +-60 degrees.
        outer, inner = _arc(60, 300, 81), _arc(245, 115, 61)
        cut = inner * (np.sin(np.radians(60)) / np.sin(np.radians(115)))
        return [(np.concatenate([outer, cut + (outer[-1, 0] - cut[0, 0], 0)]) + (0.22, 0)) * 1.02]
    raise ValueError(shape)


TURN = {"circle": 180, "ring": 180, "square": 3, "triangle": 4, "diamond": 3, "star": 4, "cross": 3, "heart": 4, "crescent": 5}
RADII = {"small": (22, 25), None: (35, 41), "large": (47, 52)}


def place(rng, shape, radius, size=SIZE, margin=5):
    """A shape's polygons in pixels: random turn and position, wholly inside the picture."""
    a = np.radians(rng.uniform(-TURN[shape], TURN[shape]))
    turn = np.array([(np.cos(a), np.sin(a)), (-np.sin(a), np.cos(a))])
    polygons = [p @ turn * radius for p in outline(shape)]
    low, high = margin - polygons[0].min(0), size - margin - polygons[0].max(0)
    middle, reach = (low + high) / 2, np.maximum((high - low) / 2, 0)
    centre = middle + np.clip(rng.normal(0, 2.5, 2) * size / SIZE, -reach, reach)
    return [p + centre for p in polygons]


def mask(polygons, size=SIZE, fine=4):
    """Anti-aliased coverage in 0..1, drawn `fine` times larger and averaged."""
    image = Image.new("L", (size * fine, size * fine))
    draw = ImageDraw.Draw(image)
    for polygon, value in zip(polygons, (255, 0)):
        draw.polygon([(x * fine - 0.5, y * fine - 0.5) for x, y in polygon.tolist()], fill=value)
    return np.asarray(image.reduce(fine), np.float32) / 255


def paint(cover, figure, ground):
    """The u8 picture of a coverage mask in two colours."""
    figure, ground = np.asarray(figure, np.float32), np.asarray(ground, np.float32)
    return np.clip(ground + cover[..., None] * (figure - ground) + 0.5, 0, 255).astype(np.uint8)


def colour(rng, name, jitter=10):
    return np.clip(np.array(COLOURS[name]) + rng.uniform(-jitter, jitter, 3), 0, 255)


def draw(rng, scene):
    """The picture of a scene (figure colour, shape, ground colour, size word or None)."""
    figure, shape, ground, size = scene
    cover = mask(place(rng, shape, rng.uniform(*RADII[size])))
    return paint(cover, colour(rng, figure), colour(rng, ground))


# ---- prompts ------------------------------------------------------------------------------------------------------

def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def prompt(figure, shape, ground):
    """The grammar that the model promises to follow."""
    return f"{article(figure)} {shape} on {article(ground)} background"


def core_combinations():
    return [(f, s, g) for s in CORE_SHAPES for f in CORE_COLOURS for g in CORE_COLOURS if f != g]


def held_out():
    """200 of the 280 core combinations, which no training picture shows and no training caption names.

    Of each ordered pair of core colours one or two of the five core shapes stay in training, spread evenly.
    """
    pairs = [(f, g) for f in CORE_COLOURS for g in CORE_COLOURS if f != g]
    order = np.random.default_rng(SPLIT_SEED).permutation(len(pairs))
    kept = {(i, n % 5) for n, i in enumerate(order)} | {(i, (n + 2) % 5) for n, i in enumerate(order[:24])}
    return [(f, s, g) for i, (f, g) in enumerate(pairs) for k, s in enumerate(CORE_SHAPES) if (i, k) not in kept]


def training_combinations():
    out = set(held_out())
    every = [(f, s, g) for f in COLOURS for s in SHAPES for g in COLOURS if f != g]
    return [c for c in every if c not in out]


WORDS = ("a an the of on in and with at front picture photo painting drawing image illustration icon simple flat "
         "highly detailed big large small little tiny huge shape figure background backdrop canvas grey colour color "
         "solid plain "
         + " ".join(list(COLOURS) + SHAPES)).split()
SIZES = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
LEADS = ("a picture of ", "a drawing of ", "an image of ", "an illustration of ", "a painting of ", "a photo of ")
TAILS = (", flat", ", simple", ", highly detailed", ", illustration")


def _nonsense(rng):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[i] for i in rng.integers(0, 26, rng.integers(2, 7)))


def caption(rng, scene):
    """A caption of a scene: mostly the grammar itself, else a rephrasing; sometimes only a part of it, or nothing."""
    figure, shape, ground, size = scene
    if rng.random() < 0.1:
        return ""
    kind = rng.random()
    size_word = None
    if size:
        size_word = SIZES[size][rng.integers(3)]
    if figure == "gray" and rng.random() < 0.3:
        figure = "grey"
    if ground == "gray" and rng.random() < 0.3:
        ground = "grey"
    noun = f"{size_word} {figure} {shape}" if size_word else f"{figure} {shape}"
    # People write both "a orange ..." and "an orange ...".
    a = article if rng.random() < 0.7 else (lambda word: "a " + word)
    if kind < 0.62:
        text = f"{a(noun)} on {a(ground)} background"
    elif kind < 0.94:
        forms = (f"{a(noun)} on {ground}", f"{noun}, {ground} background", f"{noun} on {ground}", f"{noun} {ground} background",
                 f"{noun} on {a(ground)} background", f"{a(noun)} on the {ground} background", f"the {noun} on the {ground} background",
                 f"{a(noun)} with {a(ground)} background", f"{a(noun)} in front of {a(ground)} background",
                 f"{ground} background with {a(noun)}", f"{a(ground)} background and {a(noun)}",
                 f"{a(noun)} on {a('solid ' + ground)} background", f"{a(noun)} on {a('plain ' + ground)} background")
        text = forms[rng.integers(len(forms))]
    else:
        text = (a(noun), noun, shape, a(shape), f"{a(ground)} background", f"{a(shape)} on {a(ground)} background",
                f"{a(figure + ' shape')} on {a(ground)} background")[rng.integers(7)]
    style = rng.random()
    if style < 0.06:
        text = LEADS[rng.integers(len(LEADS))] + text
    elif style < 0.10:
        text += TAILS[rng.integers(len(TAILS))]
    elif style < 0.13:
        text = f"{text} {_nonsense(rng)}" if rng.random() < 0.5 else f"{_nonsense(rng)} {text}"
    if rng.random() < 0.1:
        text += ".!"[rng.integers(2)]
    return text


def scene_of(rng, combination):
    figure, shape, ground = combination
    size = (None,) * 8 + ("small", "large")
    size = size[rng.integers(10)]
    return figure, shape, ground, size


if __name__ == "__main__":  # writes held_out.txt and counts the split
    import pathlib, sys
    out = held_out()
    train = training_combinations()
    assert len(out) >= 200 and not set(out) & set(train)
    assert {(f, g) for f, _, g in train} >= {(f, g) for f in COLOURS for g in COLOURS if f != g}
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "held_out.txt")
    path.write_text("".join(prompt(*c) + "\n" for c in out))
    print(f"{len(out)} held out, {len(train)} in training; core combinations in training per shape:",
          {s: sum(c[1] == s and c[0] in CORE_COLOURS and c[2] in CORE_COLOURS for c in train) for s in CORE_SHAPES})
