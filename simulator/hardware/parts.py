"""The board's parts as small files: how the fakes in this folder and the world outside the board meet.

Lives here: reading and writing those files. Not here: what a pin, a radio or a watchdog means.
`MESH_BOARD` names the folder of this board's parts, `MESH_AIR` the folder that all boards in radio range share.
"""

import json
import os

BOARD = os.getenv("MESH_BOARD")
AIR = os.getenv("MESH_AIR")


def read(path: str) -> "str | None":
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def write(path: str, text: str) -> None:
    """Replace the file in one step: whoever looks sees the old text or the new one."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def exists(path: str) -> bool:
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def read_json(path: str) -> dict:
    text = read(path)
    return json.loads(text) if text else {}


def mac() -> bytes:
    """The six bytes burnt into this chip; the access point's address is one higher."""
    return bytes.fromhex(read(BOARD + "/mac"))
