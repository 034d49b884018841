#!/usr/bin/env python3
"""Edges by OpenCV, as files of bytes.  usage: make.py OUT_DIR   (needs: pip install numpy opencv-python-headless; written with 5.0.0)

Pictures are `smooth(width, height)` here and in tests/imaging/canny.rs; `<width>x<height>_<low>_<high>.gray` are their edges.
"""
import sys
import cv2, numpy as np


def smooth(w, h):
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    waves = [(x * 7 + y * 3) % 256, (x * x // 5 + y * 11) % 256, ((x - w // 2) ** 2 + (y - h // 2) ** 2) // 4 % 256]
    return np.stack(waves, -1).astype(np.uint8)


for w, h, low, high in [(64, 48, 100, 200), (37, 23, 50, 400), (40, 40, 700, 900), (16, 1, 10, 20), (1, 9, 10, 20), (33, 65, 300, 120)]:
    cv2.Canny(smooth(w, h), low, high).tofile(f"{sys.argv[1]}/{w}x{h}_{low}_{high}.gray")
