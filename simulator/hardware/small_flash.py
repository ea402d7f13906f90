"""`os` for a board whose flash is small: statvfs counts its files against the size that its part `flash_size` gives.

Loaded only for such a board. As littlefs does it: whole blocks of 4096 bytes, two of them for a folder.
"""

import os
import sys

import parts

_BLOCK = 4096
_FOLDER = 0x4000
_BLOCKS = int(parts.read(parts.BOARD + "/flash_size")) // _BLOCK


def _used(folder: str) -> int:
    blocks = 2
    for found in os.ilistdir(folder):
        path = folder + "/" + found[0]
        blocks += _used(path) if found[1] & _FOLDER else -(-os.stat(path)[6] // _BLOCK)
    return blocks


class _Os:
    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def statvfs(self, _path: str) -> tuple:
        free = max(0, _BLOCKS - _used("."))
        return _BLOCK, _BLOCK, _BLOCKS, free, free, 0, 0, 0, 0, 255


sys.modules["os"] = _Os()
