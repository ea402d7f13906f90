"""Modules frozen into the running image: what is imported from `.frozen/app` is found in the board's folder `frozen`.

MicroPython looks into its own image for that path, and here the application of an image lies beside the board. So its
manifest is there from the start, as the loader expects it, and the path is exchanged before main.py runs.
"""

import sys

import parts

IN_IMAGE = ".frozen/app"
LAID_OUT = parts.BOARD + "/frozen"

sys.path.insert(0, LAID_OUT)
try:
    import image_manifest  # noqa: F401
except ImportError:
    pass  # whatever this image holds, it is no application
del sys.path[0]


def exchange_path() -> None:
    if IN_IMAGE in sys.path:
        sys.path[sys.path.index(IN_IMAGE)] = LAID_OUT
