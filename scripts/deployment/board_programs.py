"""The programs that run on the board while it is being put into service, as text.

They answer in lines that begin with a mark, since a board may print other things as well, and use nothing
that an old MicroPython lacks: also an old one has to be able to say how old it is.
"""

import json
from collections.abc import Mapping, Sequence

from scripts.deployment.errors import DeployError

MARK = "mesh-ota "

_TELL = """
import json
def tell(key, value):
    print({mark!r} + json.dumps([key, value]))
"""

_HASH = """
import binascii, hashlib, os
buffer = bytearray(512)
def hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            count = file.readinto(buffer)
            if not count:
                break
            digest.update(memoryview(buffer)[:count])
    return binascii.hexlify(digest.digest()).decode()
def kind_of(path):
    try:
        mode = os.stat(path)[0]
    except OSError:
        return ""
    return "folder" if mode & 0x4000 else "file"
"""

_SURVEY = """
import sys
tell("platform", sys.platform)
tell("machine", getattr(sys.implementation, "_machine", ""))
tell("version", list(sys.implementation.version)[:3])
found = os.statvfs(".")
tell("block", found[0])
tell("free", found[0] * found[3])
try:
    from esp32 import Partition
    for row in Partition.find(0) + Partition.find(1):
        tell("partition", list(row.info())[:5])
except (ImportError, OSError, AttributeError):
    pass
try:
    from esp import flash_read
    window = bytearray(544)  # the bootloader lies before the partition table, 0x8000; pieces overlap
    for start in range(0, 0x8000, 512):
        flash_read(start, window)
        for number in b"3456":
            at = window.find(bytes((0, 118, number, 46)))  # "v5." at the start of a text
            if 0 <= at < 512:
                tell("bootloader", bytes(window[at + 1 : at + 32]).split(bytes(1))[0].decode())
                raise StopIteration
except (ImportError, OSError, ValueError, StopIteration):
    pass
def walk(path):
    if kind_of(path) == "folder":
        tell("folder", path)
        for name in os.listdir(path):
            walk(path + "/" + name)
    elif kind_of(path):
        tell("file", [path, os.stat(path)[6], hash_of(path)])
for path in {paths!r}:
    walk(path)
for path in {texts!r}:
    if kind_of(path):
        with open(path) as file:
            tell("text", [path, file.read()])
"""

# What is looked at; anything else on the board is none of our business.
PATHS = ("boot.py", "main.py", "config.json", "keys.json", "lib/device", "a", "b")
TEXTS = (
    "config.json",
    "keys.json",
    "slots.json",
    "record-a.json",
    "record-b.json",
    "a/manifest.json",
    "b/manifest.json",
    "main.py",
)

_FOLDERS = """
for path in {folders!r}:
    if not kind_of(path):
        os.mkdir(path)
"""

# Everything is compared before anything is renamed; a rename over a file leaves the old or the new one.
_PUT_IN_PLACE = """
wanted = json.loads({wanted!r})
for path in sorted(wanted):
    if hash_of(path + ".tmp") != wanted[path]:
        raise OSError(path + " did not arrive as it was sent")
for path in {removed!r}:
    if kind_of(path) == "file":
        os.remove(path)
for path in {order!r}:
    os.rename(path + ".tmp", path)
tell("placed", len(wanted))
"""


def survey() -> str:
    return _preamble() + _SURVEY.format(paths=PATHS, texts=TEXTS)


def make_folders(folders: Sequence[str]) -> str:
    """Each folder after the one it lies in."""
    return _preamble() + _FOLDERS.format(folders=tuple(folders))


def put_in_place(hashes: Mapping[str, str], removed: Sequence[str]) -> str:
    """Check `<path>.tmp` against each SHA-256, then remove, then rename in the order of `hashes`."""
    return _preamble() + _PUT_IN_PLACE.format(
        wanted=json.dumps(dict(hashes)), removed=tuple(removed), order=tuple(hashes)
    )


def read(path: str) -> str:
    return _preamble() + f"\nwith open({path!r}) as file:\n    tell('text', file.read())\n"


def told(printed: str) -> list[tuple[str, object]]:
    """What a program told, out of what it printed. Raises DeployError."""
    lines = (line.strip() for line in printed.splitlines())
    try:
        return [tuple(json.loads(line[len(MARK) :])) for line in lines if line.startswith(MARK)]
    except ValueError:
        raise DeployError(
            "What the board said arrived damaged. Run this again, with another cable if it stays so."
        ) from None


def _preamble() -> str:
    return _TELL.format(mark=MARK) + _HASH
