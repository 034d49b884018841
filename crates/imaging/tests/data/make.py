"""Writes the files of this folder: what Pillow makes of known pictures. Run with Pillow 11 or newer: `python make.py`."""

import io
import pathlib

from PIL import Image

HERE = pathlib.Path(__file__).parent


def noise(count):
    """The bytes the Rust tests make the same way: the top byte of a 32-bit linear congruential generator."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return bytes(out)


for width, height, to_width, to_height in [(37, 23, 16, 48), (37, 23, 64, 8), (64, 40, 64, 17), (9, 9, 40, 9)]:
    rgb = Image.frombytes("RGB", (width, height), noise(width * height * 3))
    name = f"lanczos_{width}x{height}_{to_width}x{to_height}"
    (HERE / f"{name}.rgb").write_bytes(rgb.resize((to_width, to_height), Image.LANCZOS).tobytes())
    gray = Image.frombytes("L", (width, height), noise(width * height))
    (HERE / f"{name}.gray").write_bytes(gray.resize((to_width, to_height), Image.LANCZOS).tobytes())

# A JPEG whose EXIF says "turn by 90 degrees" (orientation 6): left half black, right half white before the turn.
picture = Image.new("L", (32, 16))
picture.paste(255, (16, 0, 32, 16))
exif = Image.Exif()
exif[0x0112] = 6
picture.convert("RGB").save(HERE / "turned.jpg", exif=exif, quality=95)

# Two frames: the first red, the second blue.
frames = [Image.new("RGB", (16, 16), colour) for colour in ["red", "blue"]]
frames[0].save(HERE / "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
frames[0].save(HERE / "animated.png", save_all=True, append_images=frames[1:])

# Palette, 1 bit, 16 bit grey, grey with alpha, CMYK, lossy WebP.
base = Image.frombytes("RGB", (16, 16), noise(16 * 16 * 3))
base.quantize(8).save(HERE / "palette.png")
base.convert("1").save(HERE / "bilevel.png")
Image.frombytes("I;16", (16, 16), noise(512)).save(HERE / "gray16.png")
base.convert("LA").save(HERE / "gray_alpha.png")
base.convert("CMYK").save(HERE / "cmyk.jpg")
base.save(HERE / "lossy.webp", quality=80)
rgba = base.convert("RGBA")
rgba.putalpha(Image.frombytes("L", (16, 16), bytes(range(256))))
rgba.save(HERE / "alpha.png")
rgba.save(HERE / "alpha.webp", lossless=True, exact=True)
base.save(HERE / "gif.gif")

# A square of more than a hundred million pixels in a small file.
buffer = io.BytesIO()
Image.new("1", (13000, 13000)).save(buffer, "PNG", optimize=True)
(HERE / "bomb.png").write_bytes(buffer.getvalue())

# A JPEG in many scans.
base.save(HERE / "progressive.jpg", progressive=True, quality=90)
