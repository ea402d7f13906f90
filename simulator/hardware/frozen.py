"""Modules frozen into the running image: what is imported from `.frozen/app` is found in the board's folder `frozen`.

MicroPython looks into its own image for that path; here the application of an image lies beside the board.
"""

import builtins
import sys

import parts

_LAID_OUT = parts.BOARD + "/frozen"
_import = builtins.__import__


def _import_from_image(*arguments: object) -> object:
    if ".frozen/app" in sys.path:
        sys.path[sys.path.index(".frozen/app")] = _LAID_OUT
    return _import(*arguments)


builtins.__import__ = _import_from_image
