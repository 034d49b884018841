"""Easel and its peers on the same random weights, in turn. See README.md beside this file."""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import models  # noqa: E402

PEERS = {
    "diffusers": "diffusers", "diffusers-channels-last": "diffusers", "diffusers-pipeline": "diffusers", "openvino": "openvino",
}
ITEMS = ["text", "unet", "decode", "picture"]


class Worker:
    """A process that runs a part whenever it is told to."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]):
        self.name, started = name, time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
        self.loaded = self.answer()
        self.start_seconds = time.perf_counter() - started
        self.peak_bytes = 0

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} has ended with code {self.process.wait()}; its message is above")
        return json.loads(line)

    def run(self, part: str) -> float:
        self.process.stdin.write(part + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        self.peak_bytes = peak_bytes(self.process.pid)
        return answer["seconds"][0]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def peak_bytes(pid: int) -> int:
    """The most memory the process has had, by the system's account."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("target/peers"), help="where models and conversions are kept")
    parser.add_argument("--easel", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release/examples/parts")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--items", nargs="*", choices=ITEMS, default=ITEMS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--picture-rounds", type=int, default=1, help="rounds of whole pictures, which take minutes")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--report", type=Path, help="write a page of Markdown here")
    parser.add_argument("--date", default="", help="the date the page shows")
    return parser.parse_args()


def main() -> None:
    given = options()
    for peer in given.peers:
        if importlib.util.find_spec(PEERS[peer]) is None:
            sys.exit(f"{peer} is not installed: `pip install {PEERS[peer]}`, or leave it out with --peers")
    if not given.easel.exists():
        sys.exit(f"{given.easel} is missing: `cargo build --release --workspace --example parts`")
    model = str(models.make(given.folder / "sd15"))
    threads = {"OMP_NUM_THREADS": str(given.threads), "RAYON_NUM_THREADS": str(given.threads)}
    results = []
    # One peer at a time, so that no more than two models are in memory.
    for peer in given.peers:
        print(f"{peer} ...", file=sys.stderr)
        other = Worker(peer, [sys.executable, str(HERE / "worker.py"), peer, model, str(given.threads)], threads)
        # A whole picture goes through the backend, which loads the model for itself.
        command = [str(given.easel), model, "--runs", "0"] + (["--part", "picture"] if peer == "diffusers-pipeline" else [])
        easel = Worker("easel", command, threads)
        for item in (item for item in given.items if item in other.loaded["parts"]):
            seconds = {easel: [], other: []}
            rounds = given.picture_rounds if item == "picture" else given.rounds
            for turn in range(rounds + 1):
                for worker in (easel, other) if turn % 2 else (other, easel):
                    taken = worker.run(item)
                    # The first turn warms up caches and pools.
                    if turn:
                        seconds[worker].append(taken)
                    time.sleep(0.3)
            results.append(result(item, seconds[easel], peer, seconds[other]))
        results.append(result("start", [easel.start_seconds], peer, [other.start_seconds]))
        memory = {"item": "peak_memory_bytes", "easel": easel.peak_bytes, "peer": peer, "peer_bytes": other.peak_bytes}
        results.append(memory | {"ratio": easel.peak_bytes / other.peak_bytes})
        print(f"{'memory':8} {easel.peak_bytes / 2**30:8.2f} GiB   {peer} {other.peak_bytes / 2**30:.2f} GiB", file=sys.stderr)
        easel.end()
        other.end()
    print(json.dumps(results, indent=1))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    if given.report:
        given.report.write_text(page(results, given))


def result(item: str, easel: list[float], peer: str, other: list[float]) -> dict:
    mine, theirs = statistics.median(easel), statistics.median(other)
    print(f"{item:8} {mine:8.3f} s   {peer} {theirs:8.3f} s   ratio {mine / theirs:.2f}", file=sys.stderr)
    runs = {"easel_runs": easel, "peer_runs": other}
    return {"item": item, "easel_s": mine, "peer": peer, "peer_s": theirs, "ratio": mine / theirs} | runs


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return f"{model}, {', '.join(flag for flag in ('avx2', 'avx512f', 'avx512_bf16', 'amx_tile') if flag in flags)}"


def version(package: str) -> str:
    return importlib.metadata.version(package)


def page(results: list[dict], given) -> str:
    """The results as a page; ratios above 1 are where the peer is ahead."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "openvino") if importlib.util.find_spec(name))
    lines = [
        "# Side by side with peers",
        "",
        f"Written by `benches/peers/run.py`, {given.date}. {processor()}; {given.threads} threads; {versions}.",
        "",
        "Stable Diffusion 1.5's public configuration with random weights, 512x512, f32: a UNet call with two rows (a guided step), one",
        "decoding, one prompt, and a whole picture of 20 guided steps from the prompt to the pixels (fewer rounds of that one). Easel",
        f" and a peer take turns; medians of {given.rounds} runs each after one that warms up. Below 1, Easel is faster",
        "or takes less. `start` is from the start of the process until the weights are loaded, once; memory is the process's peak.",
        "",
        "| item | peer | Easel | peer's | ratio | |",
        "|---|---|---|---|---|---|",
    ]
    for entry in results:
        memory = entry["item"] == "peak_memory_bytes"
        mine, theirs = (entry["easel"], entry["peer_bytes"]) if memory else (entry["easel_s"], entry["peer_s"])
        values = [f"{v / 2**30:.2f} GiB" if memory else f"{v:.3f} s" for v in (mine, theirs)]
        ahead = "**peer ahead**" if entry["ratio"] > 1 else ""
        lines.append(f"| {'memory' if memory else entry['item']} | {entry['peer']} | {values[0]} | {values[1]} | {entry['ratio']:.2f} | {ahead} |")
    return "\n".join(lines) + "\n"


main()
