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
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import models  # noqa: E402
import report  # noqa: E402


@dataclass
class Peer:
    """How a peer is started, what it is compared in, and with which of Easel's number formats."""

    package: str
    arguments: list[str]
    precision: str


PEERS = {
    "diffusers f32": Peer("diffusers", ["diffusers", "f32"], "f32"),
    "diffusers f32 channels-last": Peer("diffusers", ["diffusers", "f32", "channels-last"], "f32"),
    "OpenVINO f32": Peer("openvino", ["openvino", "f32"], "f32"),
    "diffusers pipeline f32": Peer("diffusers", ["pipeline", "f32", "channels-last"], "f32"),
    "diffusers bf16": Peer("diffusers", ["diffusers", "bf16"], "bf16"),
    "diffusers bf16 channels-last": Peer("diffusers", ["diffusers", "bf16", "channels-last"], "bf16"),
    "diffusers bf16 compiled": Peer("diffusers", ["diffusers", "bf16", "channels-last", "compiled"], "bf16"),
    "OpenVINO bf16": Peer("openvino", ["openvino", "bf16"], "bf16"),
    "diffusers pipeline bf16": Peer("diffusers", ["pipeline", "bf16", "channels-last"], "bf16"),
    "stable-diffusion.cpp f16": Peer("stable_diffusion_cpp", ["stable-diffusion.cpp", "f16"], "bf16"),
}
# What each kind of peer is compared in: (name, what Easel is told, what the peer is told).
PARTS = [(part, part, part) for part in ("text", "unet", "decode")]


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
    parser.add_argument("--easel", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release", help="Easel's programs")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), metavar="PEER", help=f"any of: {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="steps of a whole picture")
    parser.add_argument("--served-steps", type=int, default=4, help="steps of the pictures that are asked for at once")
    parser.add_argument("--cpp-steps", type=int, default=4, help="steps of stable-diffusion.cpp's picture, which takes half a minute a step")
    parser.add_argument("--served", type=int, default=8, help="pictures asked for at once")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="write the results here; those of other peers that are there already are kept")
    parser.add_argument("--report", type=Path, help="write a page of Markdown here")
    parser.add_argument("--date", default="", help="the date the page shows")
    return parser.parse_args()


def tile_shim(folder: Path) -> dict[str, str]:
    """What a peer needs in its environment to use AMX where the machine hides the size of its tiles; nothing elsewhere."""
    if "amx_tile" not in Path("/proc/cpuinfo").read_text():
        return {}
    trial = "import torch; a = torch.ones(256, 256, dtype=torch.bfloat16); a @ a"
    if subprocess.run([sys.executable, "-c", trial], stderr=subprocess.DEVNULL).returncode == 0:
        return {}
    library = folder / "cpuid_amx.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(HERE / "cpuid_amx.c")], check=True)
    print("peers are helped to AMX by cpuid_amx.c: as installed, bf16 ends them here", file=sys.stderr)
    return {"LD_PRELOAD": str(library.resolve())}


def tasks(given, kind: str) -> list[tuple[str, str, str, int]]:
    """What a kind of peer is compared in: its name, what Easel and the peer are told, and rounds."""
    if kind not in ("pipeline", "stable-diffusion.cpp"):
        return [(*part, given.rounds) for part in PARTS]
    steps = given.cpp_steps if kind == "stable-diffusion.cpp" else given.steps
    picture = f"pictures 1 {steps}"
    found = [(f"picture of {steps} steps", picture, picture, 1)]
    if kind == "pipeline":
        served = f"{given.served} {given.served_steps}"
        name = f"{given.served} pictures of {given.served_steps} steps at once"
        found += [(f"{name}, peer's in turn", f"pictures {served}", f"pictures {served}", 1)]
        found += [(f"{name}, peer's in one batch", f"pictures {served}", f"batch {served}", 1)]
    return found


def compare(given, name: str, model: str, shim: dict[str, str]) -> list[dict]:
    """One peer, so that no more than two models are in memory."""
    peer, threads = PEERS[name], str(given.threads)
    environment = {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    kind, precision = peer.arguments[0], peer.precision
    other = Worker(name, [sys.executable, str(HERE / "worker.py"), kind, model, threads, *peer.arguments[1:]], environment | shim)
    whole = kind in ("pipeline", "stable-diffusion.cpp")
    program = [str(given.easel / "pictures")] if whole else [str(given.easel / "examples/parts")]
    easel = Worker("easel", [*program, model, "--runs", "0", "--precision", precision], environment)
    results, first = [], {}
    for item, mine, theirs, rounds in tasks(given, kind):
        seconds = {easel: [], other: []}
        # Whole pictures take minutes: what warms up is a picture of one step.
        warm = [(easel, "pictures 1 1"), (other, "pictures 1 1")] if whole else [(easel, mine), (other, theirs)]
        for worker, part in warm:
            first.setdefault((worker, item), worker.run(part))
        for turn in range(rounds):
            for worker, part in ((easel, mine), (other, theirs)) if turn % 2 else ((other, theirs), (easel, mine)):
                seconds[worker].append(worker.run(part))
                time.sleep(0.3)
        results.append(result(item, seconds[easel], name, seconds[other]))
    item = "start of the process to the first picture of one step" if whole else "start of the process to the first step"
    started = [worker.start_seconds + first[worker, "unet" if not whole else tasks(given, kind)[0][0]] for worker in (easel, other)]
    results.append(result(item, started[:1], name, started[1:]))
    results.append(result("start of the process to loaded", [easel.start_seconds], name, [other.start_seconds]))
    memory = {"item": "peak memory", "easel_bytes": easel.peak_bytes, "peer": name, "peer_bytes": other.peak_bytes}
    results.append(memory | {"ratio": easel.peak_bytes / other.peak_bytes})
    print(f"peak memory {easel.peak_bytes / 2**30:.2f} GiB   {name} {other.peak_bytes / 2**30:.2f} GiB", file=sys.stderr)
    easel.end()
    other.end()
    return results


def result(item: str, easel: list[float], peer: str, other: list[float]) -> dict:
    mine, theirs = statistics.median(easel), statistics.median(other)
    print(f"{item}: {mine:.3f} s   {peer} {theirs:.3f} s   ratio {mine / theirs:.2f}", file=sys.stderr)
    runs = {"easel_runs": easel, "peer_runs": other}
    return {"item": item, "easel_s": mine, "peer": peer, "peer_s": theirs, "ratio": mine / theirs} | runs


def main() -> None:
    given = options()
    for name in given.peers:
        if importlib.util.find_spec(PEERS[name].package) is None:
            sys.exit(f"{name} is not installed: README.md says how; or leave it out with --peers")
    for program in ("pictures", "examples/parts"):
        if not (given.easel / program).exists():
            sys.exit(f"{given.easel / program} is missing: `cargo build --release --workspace --bin pictures --example parts`")
    given.folder.mkdir(parents=True, exist_ok=True)
    model = str(models.prepared(given.folder / "sd15", {PEERS[name].arguments[0] for name in given.peers}))
    shim = tile_shim(given.folder)
    results = json.loads(given.json.read_text()) if given.json and given.json.exists() else []
    for name in given.peers:
        print(f"== {name}", file=sys.stderr)
        results = [entry for entry in results if entry["peer"] != name] + compare(given, name, model, shim)
        if given.json:
            given.json.write_text(json.dumps(results, indent=1))
    print(json.dumps(results, indent=1))
    if given.report:
        given.report.write_text(report.page(results, given, bool(shim)))


main()
