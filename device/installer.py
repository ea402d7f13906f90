"""From the segments of an arrived image to a slot that is whole: check everything, then unpack.

The archive is read twice. First to judge it, hashes, names, sizes and manifest, with nothing
written; only then is the slot emptied and filled, and at last read back file by file. So a bad
image costs nothing, not even what the other slot held. Everything is a generator that yields after
each buffer, for a node has to answer its mesh within 5 s while it verifies.

What a step needs is loaded by the step and let go after it: all at once would be 10 KB of heap.
"""

import sys

from device import forget
from device.flash_files import FlashFiles, in_blocks
from device.image import HARDWARE, ImageError
from device.incoming import Incoming

FOLDER_BLOCKS = 2  # a folder of littlefs is a pair of blocks
RESERVE = 16384  # bytes that stay free for state files


def checking(incoming: Incoming, expected: tuple, buffer: bytearray, found: dict):
    """Judge the arrived image; fills `found` with its manifest's `version` and `folders`, and with the
    bytes that its files `need` on a flash whose blocks have the size that `found` gives as `block`.

    `expected` is (node type, MicroPython of this board such as "1.26.1"). Raises ImageError.
    """
    for _ in incoming.inflating(buffer):
        yield
    for _ in check_digests(incoming, buffer):
        yield
    from device import bundle, manifest

    source = incoming.reader()
    try:
        reader = bundle.BundleReader(source)
        described = bundle.read_manifest(reader)
        check_manifest(described, incoming.announced, *expected)
        found["version"] = described["version"]
        found["folders"] = folders_of(described["files"])
        found["need"] = 0

        def note_size(size: int) -> None:
            found["need"] += in_blocks(size, found["block"])

        note_size(manifest.LONGEST)
        for _ in bundle.checking(reader, described["files"], buffer, note_size):
            yield
    finally:
        source.close()


def check_digests(incoming: Incoming, buffer: bytearray):
    announced = incoming.announced
    if not incoming.complete:
        raise ImageError("size", "Not all parts of the image have arrived.")
    found = []
    for _ in incoming.hashing(buffer, found):
        yield
    md5, sha256, total = found
    if total != (announced["size"] or total):
        raise ImageError(
            "size", "{} bytes arrived, {} were announced.".format(total, announced["size"])
        )
    if md5 != announced["md5"]:
        raise ImageError("md5", "What arrived does not have the announced MD5.")
    if sha256 != (announced["sha256"] or sha256):
        raise ImageError("sha256", "What arrived does not have the announced SHA-256.")


def check_manifest(described: dict, announced: dict, node_type: str, micropython: str) -> None:
    if described["node_type"] != node_type:
        raise ImageError(
            "role", "The bundle is for {}, this is {}.".format(described["node_type"], node_type)
        )
    if described["hardware"] != HARDWARE:
        raise ImageError("hardware", "The bundle is for {}.".format(described["hardware"]))
    if described["version"] != (announced["version"] or described["version"]):
        raise ImageError(
            "bundle",
            "The bundle is version {}, {} was announced.".format(
                described["version"], announced["version"]
            ),
        )
    from device import manifest

    lowest = described["micropython"]
    if manifest.version_numbers(micropython) < manifest.version_numbers(lowest):
        raise ImageError(
            "micropython",
            "The bundle needs MicroPython {}, this is {}.".format(lowest, micropython),
        )


def check_room(files: FlashFiles, slot: str, found: dict) -> None:
    """Whether the unpacked slot fits once its old content has gone."""
    folders = (len(found["folders"]) + 1) * FOLDER_BLOCKS * found["block"]
    need = found["need"] + folders + RESERVE
    room = files.free()[0] + files.space_of(slot)
    if need > room:
        raise ImageError("space", "The slot needs {} bytes, {} are free.".format(need, room))


def unpacking(files: FlashFiles, slot: str, incoming: Incoming, folders: list, buffer: bytearray):
    """Fill the empty slot. Raises ImageError or OSError; the slot is worth nothing then."""
    from device import bundle

    window = memoryview(buffer)
    files.make_folder(slot)
    for folder in folders:
        files.make_folder(slot + "/" + folder)
    source = incoming.reader()
    try:
        reader = bundle.BundleReader(source)
        member = reader.next_file()
        while member is not None:
            with files.open(slot + "/" + member[0], "wb") as file:
                length = reader.readinto(window)
                while length:
                    file.write(window[:length])
                    yield
                    length = reader.readinto(window)
            member = reader.next_file()
    finally:
        source.close()


def read_back(files: FlashFiles, slot: str) -> str:
    """The proof of the filled slot. Raises ImageError when it is not what was unpacked."""
    forget(("device.bundle",))
    from device.proof import slot_proof

    proof, damaged = slot_proof(files, slot)
    if damaged:
        raise ImageError("flash", "{} does not read back as it was written.".format(damaged))
    return proof


def folders_of(names: object) -> list:
    """Every folder that the names need, each after the one it lies in."""
    found = []
    for name in names:
        steps = name.split("/")[:-1]
        for depth in range(len(steps)):
            folder = "/".join(steps[: depth + 1])
            if folder not in found:
                found.append(folder)
    return sorted(found)


def own_micropython() -> str:
    return ".".join([str(number) for number in sys.implementation.version[:3]])
