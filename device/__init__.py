"""What both firmwares need of a board: its flash slots, its radio, its configuration.

`board` touches the hardware, `flash_files` the filesystem; everything else gets them handed in.
"""

import gc
import sys

LOADING = 2048  # for collect_every
SERVING = 8192  # the same for an application that runs: rarer ones leave the heap in small pieces


def collect_every(size: int) -> None:
    """Bytes that may be taken between two collections. While code is loaded they must be few: it
    stays where it comes to lie, and the garbage between is the holes that a heap is torn into."""
    if hasattr(gc, "threshold"):  # CPython's counts something else
        gc.threshold(size)  # pyright: ignore[reportAttributeAccessIssue]


def forget(names: tuple) -> None:
    """Unload modules that are not used again in this boot, also where their packages hold them."""
    for name in names:
        package, _, module = name.partition(".")
        sys.modules.pop(name, None)
        if hasattr(sys.modules.get(package), module):
            delattr(sys.modules[package], module)
    gc.collect()
