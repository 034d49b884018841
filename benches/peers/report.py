"""The results as a page."""

import importlib.metadata
import importlib.util
from pathlib import Path

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile")
PACKAGES = {"torch": "torch", "diffusers": "diffusers", "openvino": "openvino", "stable-diffusion-cpp-python": "stable_diffusion_cpp"}


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return f"{model}, {', '.join(flag for flag in FLAGS if flag in flags)}"


def values(entry: dict) -> tuple[str, str]:
    if "peer_bytes" in entry:
        return tuple(f"{entry[key] / 2**30:.2f} GiB" for key in ("easel_bytes", "peer_bytes"))
    return tuple(f"{entry[key]:.3f} s" for key in ("easel_s", "peer_s"))


def page(results: list[dict], given, shim: bool) -> str:
    """One table for each peer; ratios above 1 are where the peer is ahead, and they are listed first."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name, module in PACKAGES.items() if importlib.util.find_spec(module))
    ahead = [entry for entry in results if entry["ratio"] > 1]
    lines = [
        "# Side by side with peers",
        "",
        f"Written by `benches/peers/run.py`, {given.date}. {processor()}; {given.threads} threads; {versions}.",
        "",
        "Stable Diffusion 1.5's public configuration with random weights, 512x512. `unet` is one call with two rows (a guided step), `text` one",
        f"prompt, `decode` one decoding: medians of {given.rounds} runs each, Easel and the peer in turn, after one that warms up. Whole pictures go",
        "from the prompt to the pixels with guidance, and were drawn once each after one of a single step. `at once`: Easel's engine is",
        "asked for all of them together; the peer makes them in turn, as a server around one pipeline does, or all in one call. Easel",
        "computes in the peer's number format (bf16 against stable-diffusion.cpp's f16). Below 1, Easel is faster or takes less. Peak memory",
        "is the process's, and Easel's `parts` program holds all three networks, as the peers' do.",
        "",
    ]
    if shim:
        lines += [
            "This machine has AMX and hides the size of its tiles: as installed, torch and OpenVINO end with SIGILL in bf16. They ran with",
            "`benches/peers/cpuid_amx.c` preloaded, which tells them. Easel needs no help.",
            "",
        ]
    lines += ["## Where a peer is ahead", ""]
    lines += [f"- {entry['item']}: {entry['peer']}, ratio {entry['ratio']:.2f}" for entry in ahead] or ["Nowhere in this run."]
    for peer in dict.fromkeys(entry["peer"] for entry in results):
        lines += ["", f"## {peer}", "", "| item | Easel | peer | ratio |", "|---|---|---|---|"]
        for entry in (entry for entry in results if entry["peer"] == peer):
            mine, theirs = values(entry)
            lines.append(f"| {entry['item']} | {mine} | {theirs} | {entry['ratio']:.2f} |")
    return "\n".join(lines) + "\n"
