"""Draws the loss curves of the training logs (logarithmic scale).

usage: plot_curves.py OUT.png LOG...      lines with "step N ... loss X" or "step N l1 X"
"""
import pathlib, re, sys
import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT, EDGE = 420, 240, 34


def main():
    panels = []
    for path in map(pathlib.Path, sys.argv[2:]):
        found = re.findall(r"^step (\d+) (?:loss|l1) ([\d.]+)", path.read_text(), re.M)
        points = {int(s): float(v) for s, v in found if float(v) > 0}  # a resumed run repeats some steps
        steps, values = np.array(sorted(points)), np.log10([points[s] for s in sorted(points)])
        image = Image.new("RGB", (WIDTH, HEIGHT), "white")
        pen = ImageDraw.Draw(image)
        low, high = np.floor(values.min() * 4) / 4, np.ceil(values.max() * 4) / 4
        x = EDGE + (steps / steps.max()) * (WIDTH - EDGE - 10)
        y = 20 + (high - values) / (high - low) * (HEIGHT - 50)
        for tick in np.arange(low, high + 0.01, 0.25):
            at = 20 + (high - tick) / (high - low) * (HEIGHT - 50)
            pen.line((EDGE, at, WIDTH - 10, at), fill=(225, 225, 225))
            pen.text((2, at - 6), f"{10 ** tick:.3f}", fill="black")
        pen.line(list(zip(x.tolist(), y.tolist())), fill=(30, 80, 200), width=2)
        pen.text((EDGE, 4), f"{path.stem}: loss over {steps.max()} steps", fill="black")
        panels.append(np.asarray(image))
    Image.fromarray(np.concatenate(panels, 1)).save(sys.argv[1])


if __name__ == "__main__":
    main()
