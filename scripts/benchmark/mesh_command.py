"""`scripts/bench mesh`: what an image costs on a mesh of one-radio nodes, beside the original's stop-and-wait sender.

The shipped protocol objects (Mesh, Sender, Receiver, Push) run on a virtual clock, so the figures do not depend on this
computer; only the time per part in MicroPython does. What the real programs cost is `programs`.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from custom_components.mesh_ota.firmware.deflate import deflated
from scripts.benchmark import programs
from scripts.benchmark.radio import RATE
from scripts.benchmark.transfers import (
    BROADCAST,
    LEVEL_0,
    LEVEL_1,
    STOP_AND_WAIT,
    Transfer,
    broadcast_figures,
    table,
)
from scripts.firmware.bundle import build

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "performance.md"
PLOT = REPOSITORY / "docs" / "images" / "parts-over-time.svg"
KIB = 1024
SIZE, QUICK_SIZE = 200 * KIB, 100 * KIB
BROADCAST_SIZE, BROADCAST_RUNS, QUICK_RUNS = 1024 * KIB, 8, 4
PROGRAMS_SIZES, PROGRAMS_QUICK_SIZES = (64 * KIB, 2048 * KIB), (16 * KIB,)
# name: (bound, whether a figure must be at least as large)
BOUNDS = {
    "level0_speedup_30ms": (4, True),
    "level1_speedup_3hops_10ms": (6, True),
    "broadcast_tree20_vs_unicast": (0.4, False),
    "broadcast_link_bytes_per_image": (1.15, False),
    "http_connections": (2, False),
    "ha_bytes_per_image_20": (1.05, False),
    "gateway_heap_over_idle_kib": (48, False),
    "node_heap_over_idle_kib": (40, False),
}
OF_PROGRAMS = """
The last four are of a rollout of the real programs on MicroPython to twenty nodes at once: connections to Home Assistant,
bytes read from it per image byte, and the heap in use at most, over what is in use when nothing happens, in KiB, by image
(gateway {gateway_heap_over_idle_by_image}, node {node_heap_over_idle_by_image}; above is the worst).

The gateway's firmware pushes to everybody from three nodes of a job on; to fewer it sends as in the rows of level 1, with 32
parts on their way at most.

A node's bundle, as `scripts/build-firmware` makes it, is deflated to {deflate_ratio:.0%} of its bytes, in groups of 4 KiB; with what
DATA adds, a link carries {link_bytes_per_image_byte[deflate]} bytes for each byte of such a bundle, in place of {link_bytes_per_image_byte[plain]}."""
MICROPYTHON_PART = """
import sys, time
sys.path.insert(0, '.')
from painlessmesh.ota import Offer, Receiver, Sender
from painlessmesh.protocol import decode, encode
sender, receiver = Sender(1), Receiver(2, 'pir', 'ESP32-MPY')
offer = Offer('pir', 'ESP32-MPY', '0' * 32, 500 * 1024)
sender.offer(offer)
sender.add_target(offer, 2, ahead=32)
receiver.announce(decode(encode(sender.announcement(2))[:-1]), 0, 0)
sender.on_need(2, {'md5': '0' * 8, 'part': 0, 'seen': 0, 'missing': '0'}, 0)
began, parts = time.ticks_us(), 0
while receiver.busy:
    events = []
    while True:
        request = sender.due(0)
        if request is None:
            break
        frame = encode(sender.data_package(request, bytes(1024)))
        events += receiver.data(decode(frame[:-1]), 0)
    for event in events:
        if event[0] == 'need':
            sender.on_need(2, decode(event[1].encode()), 0)
        elif event[0] == 'part':
            parts += 1
print(time.ticks_diff(time.ticks_us(), began) // parts)
"""


def measured(size: int, broadcast_runs: int) -> dict[str, object]:
    """Every figure under its name; `transfers` is the table."""
    rows = []
    found: dict[tuple[str, float, str], Transfer] = {}
    for mesh, loss, mode, transfer in table(size):
        found[mesh, loss, mode] = transfer
        per_byte = max(transfer.links) / size
        rows.append(
            {
                "mesh": mesh,
                "loss": loss,
                "mode": mode,
                "seconds": round(transfer.seconds, 2),
                "busiest_link_bytes_per_image_byte": round(per_byte, 2),
                "parts_sent_again": transfer.resent,
            }
        )
    bundle = build("pir", "1.1.0")
    carried = deflated(bundle)
    if carried is None:
        raise RuntimeError("A real bundle does not get smaller.")
    packed = Transfer(LEVEL_1, "seven in a star", 0.0, carried)
    near, far = "one node, 30 ms", "three hops of 10 ms"
    slow_near, slow_far = found[near, 0, STOP_AND_WAIT], found[far, 0, STOP_AND_WAIT]
    seven = "seven in a star"
    figures: dict[str, object] = {
        "image_bytes": size,
        "level0_speedup_30ms": slow_near.seconds / found[near, 0, LEVEL_0].seconds,
        "level1_speedup_3hops_10ms": slow_far.seconds / found[far, 0, LEVEL_1].seconds,
        "link_bytes_per_image_byte": {
            "plain": round(max(found[seven, 0, LEVEL_1].links) / size, 3),
            "deflate": round(max(packed.links) / len(bundle), 3),
            "broadcast": round(max(found[seven, 0, BROADCAST].links) / size, 3),
        },
        "deflate_ratio": len(carried) / len(bundle),
        "micropython_us_per_part": micropython_part(),
    }
    figures |= broadcast_figures(BROADCAST_SIZE, broadcast_runs)
    return figures | {"transfers": rows}


def micropython_part() -> int:
    """Microseconds that sender and receiver together spend on one part, on MicroPython's unix port on this computer."""
    run = subprocess.run(
        [REPOSITORY / ".tools/bin/micropython", "-X", "heapsize=256k", "-c", MICROPYTHON_PART],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(run.stdout)


def misses(figures: dict[str, object]) -> list[str]:
    """A sentence for each bound that is not kept."""
    found = []
    for name, (bound, at_least) in BOUNDS.items():
        if name not in figures:
            continue
        value = float(str(figures[name]))
        if value < bound if at_least else value > bound:
            found.append(
                f"{name} is {value:.3g}, and should be at {'least' if at_least else 'most'} {bound}."
            )
    return found


def page(figures: dict) -> str:
    """docs/performance.md."""
    lines = [
        "# What an image costs on the mesh",
        "",
        "Measured by `scripts/bench mesh --write`, which makes this page. The protocol's own objects run on a virtual clock,",
        f"over nodes with one radio of {RATE // 1000} kB/s each, shared by all their links; a round trip over one hop takes as",
        "long as is said, and a loss is a whole message dropped at a relay. Stop-and-wait is the sender of the original",
        f"library, with its 30 s before a lost part is asked for again. The image has {figures['image_bytes'] // KIB} KiB.",
        "",
        "| mesh | loss at each relay | mode | seconds | busiest link, bytes per image byte | parts sent again |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['mesh']} | {row['loss']:.0%} | {row['mode']} | {row['seconds']} "
        f"| {row['busiest_link_bytes_per_image_byte']} | {row['parts_sent_again']} |"
        for row in figures["transfers"]
    ]
    lines += ["", "| figure | value | bound |", "|---|---|---|"]
    for name, (bound, at_least) in BOUNDS.items():
        value = figures.get(name)
        if value is None:
            continue
        lines.append(f"| `{name}` | {value:.3g} | {'≥' if at_least else '≤'} {bound} |")
    lines += OF_PROGRAMS.format(**figures).splitlines()
    lines += [
        "",
        f"MicroPython's unix port spends {figures['micropython_us_per_part']} µs on one part, sender and",
        "receiver together, on the computer that wrote this.",
        "",
        "![Parts over time of twenty nodes](images/parts-over-time.svg)",
        "",
        "Parts over time of each of twenty nodes in a tree at 2 % loss: pushed to everybody (blue), each by itself (grey).",
        "",
    ]
    return "\n".join(lines)


def plot(size: int) -> str:
    """The progress of each node of a tree, by broadcast and one by one, as SVG."""
    both = [Transfer(mode, "twenty in a tree", 0.02, size) for mode in (LEVEL_1, BROADCAST)]
    longest = max(transfer.seconds for transfer in both)
    parts = -(-size // KIB)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320">',
        '<rect width="640" height="320" fill="white"/>',
    ]
    for transfer, colour in zip(both, ("#999999", "#1f6fd0"), strict=True):
        for row in transfer.progress:
            points = " ".join(
                f"{40 + 580 * at / longest:.1f},{290 - 270 * count / parts:.1f}"
                for at, count in row[::4] + row[-1:]
            )
            lines.append(f'<polyline fill="none" stroke="{colour}" points="{points}"/>')
    lines += [
        f'<text x="620" y="308" font-size="12" text-anchor="end">{longest:.1f} s</text>',
        f'<text x="4" y="24" font-size="12">{parts}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main(words: list[str] | None = None) -> int:
    """The exit code is 1 when a figure misses its bound."""
    parser = argparse.ArgumentParser(prog="bench mesh", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--quick", action="store_true", help="a smaller image, fewer runs")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md anew")
    options = parser.parse_args(words)
    size = QUICK_SIZE if options.quick else SIZE
    sizes = PROGRAMS_QUICK_SIZES if options.quick else PROGRAMS_SIZES
    with ThreadPoolExecutor(1) as beside:  # they wait for boards most of the time
        of_programs = beside.submit(programs.figures, sizes)
        figures = measured(size, QUICK_RUNS if options.quick else BROADCAST_RUNS)
        figures |= of_programs.result()
    for row in figures["transfers"]:
        print("{mesh:20} {loss:4.0%}  {mode:14} {seconds:8.2f} s".format(**row))
    for name, value in figures.items():
        if name != "transfers":
            print(f"{name:32} {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.write:
        PAGE.write_text(page(figures))
        PLOT.write_text(plot(size))
    missed = misses(figures)
    print(*missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
