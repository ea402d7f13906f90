"""How the arrival of an image begins: what its announcement says, what of it is there, whether it fits.

Needed for that moment only, so `incoming` loads it and lets it go. Nothing here keeps a part.
"""

from device.flash_files import FlashFiles, in_blocks
from device.image import HEX, LARGEST, ImageError, is_word
from device.incoming import (
    FOLDER,
    GAPS,
    KIND,
    PART,
    PARTS_PER_SEGMENT,
    SEGMENT,
    segment_name,
)

MOST_PARTS = LARGEST // PART
IMAGE_PARTS = 16384  # of an esp-image, docs/mesh-protocol.md §2
RESERVE = 32768  # bytes left free for state files, folders and littlefs itself


def record_of(announcement: dict, kind: str = KIND) -> dict:
    """What is kept of an announcement (keys of the wire). Raises ImageError.

    A plain level 0 announcement has no size, SHA-256, kind or version: they are None then.
    """
    md5, parts = announcement.get("md5"), announcement.get("noPart")
    size, sha256 = announcement.get("size"), announcement.get("sha256")
    if announcement.get("kind", kind) != kind:
        raise ImageError("kind", "This board takes no such image here, but an {}.".format(kind))
    if not is_hex(md5, 32) or not (sha256 is None or is_hex(sha256, 64)):
        raise ImageError("size", "The announcement has no valid hash.")
    most = MOST_PARTS if kind == KIND else IMAGE_PARTS
    if not isinstance(parts, int) or not 0 < parts <= most:
        raise ImageError("size", "An image has 1 to {} parts.".format(most))
    deflate = announcement.get("deflate")
    carried = size if deflate is None else deflate  # bytes that come over the mesh
    if carried is not None and (
        not isinstance(carried, int) or (carried + PART - 1) // PART != parts
    ):
        raise ImageError("size", "Size and number of parts do not fit together.")
    if deflate is not None and (kind != KIND or not _may_hold(deflate, size)):
        raise ImageError("size", "No image of that size comes deflated.")
    return {
        "md5": md5,
        "sha256": sha256,
        "size": size,
        "parts": parts,
        "deflate": deflate,
        "version": announcement.get("version"),
        "role": announcement.get("role"),
        "forced": announcement.get("forced") is True,
    }


def _may_hold(deflate: int, size: object) -> bool:
    return isinstance(size, int) and deflate < size <= LARGEST


def is_hex(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and is_word(value, length, HEX)


def parts_there(files: FlashFiles, record: dict) -> int:
    """The whole parts that lie in an unbroken row of segments; what has gaps is dropped."""
    wanted, parts = 0, record["parts"]
    total = record["deflate"] or record["size"] or 0
    for name in files.names(FOLDER):
        if name.endswith(GAPS):
            files.remove(FOLDER + "/" + name)
    unbroken = True
    for number in range((parts + PARTS_PER_SEGMENT - 1) // PARTS_PER_SEGMENT):
        size = files.size(segment_name(number))
        due = min(PARTS_PER_SEGMENT, parts - number * PARTS_PER_SEGMENT)
        last = number * PARTS_PER_SEGMENT + due == parts
        ends = (total - number * SEGMENT if total else None) if last else due * PART
        there = _whole_parts(size, due, ends) if unbroken or size < 0 else None
        if there is None:
            files.remove(segment_name(number))
            there = 0
        wanted += there
        unbroken = unbroken and there == due
    return wanted


def _whole_parts(size: int, due: int, ends: int | None) -> int | None:
    """Parts in a segment file of that size, None when a part in it is torn. `ends`: its size when it is whole; None for
    the last one of an image whose size nobody has said."""
    if size < 0:
        return 0
    if size == ends or (ends is None and (due - 1) * PART < size <= due * PART):
        return due
    return size // PART if size % PART == 0 and size <= due * PART else None


def check_room(files: FlashFiles, record: dict, room: int) -> None:
    """Room for the segments, for what they make, and, twice its size for whole blocks, the slot it becomes."""
    free, block = files.free()
    size = record["size"] or record["parts"] * PART
    count = in_blocks(record["deflate"] or size, SEGMENT) // SEGMENT
    segments = count * (SEGMENT + block)  # littlefs adds pointers
    inflated = size if record["deflate"] else 0  # it lies beside them once more while it is checked
    need = segments + inflated + 2 * size + RESERVE
    room = free if room < 0 else room
    if need > room:
        raise ImageError(
            "space", "The image needs {} bytes of flash, {} are free.".format(need, room)
        )
