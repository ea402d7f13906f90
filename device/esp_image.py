"""An ESP32 application image in a partition: its header, its length, its hashes.

The format is Espressif's "Firmware Image Format": 24 bytes of header, segments with 8 bytes of
header each, zeros and a checksum up to a multiple of 16, the SHA-256 of all that. The bootloader
checks the rest of it when it is told to boot the image. Nothing here writes.
"""

import hashlib
import struct

from device.flash_files import COPY_BYTES
from device.image import ImageError, hex_of

KIND = "esp-image"
BLOCK = 4096
MAGIC = 0xE9
HEADER = 24
CHIP_AT = 12
DIGEST_FLAG_AT = 23
SEGMENTS_MAX = 16
DIGEST = 32
TABLE_AT = (0x7000, 0x8000)  # of the partition table, in a file that starts with the bootloader
TABLE_MAGIC = b"\xaa\x50"
CHIPS = {
    "esp32": 0,
    "esp32s2": 2,
    "esp32c3": 5,
    "esp32s3": 9,
    "esp32c2": 12,
    "esp32c6": 13,
    "esp32h2": 16,
    "esp32p4": 18,
    "esp32c5": 23,
}
MARK = "mesh-ota-image:{}:{};"  # node type and version, a string in each of our images


def check_header(header: bytes | bytearray | memoryview, chip: str) -> None:
    """Raises ImageError unless an image for that chip begins like this."""
    if len(header) < HEADER or header[0] != MAGIC or not 0 < header[1] <= SEGMENTS_MAX:
        raise ImageError("image", "The image is no ESP32 application image.")
    found = header[CHIP_AT] | header[CHIP_AT + 1] << 8
    if found != CHIPS.get(chip):
        names = [name for name in CHIPS if CHIPS[name] == found] or [str(found)]
        raise ImageError("hardware", "The image is for {}, this is {}.".format(names[0], chip))
    if header[DIGEST_FLAG_AT] != 1:
        raise ImageError("image", "The image carries no SHA-256 of itself.")


def length_of(partition: object, chip: str) -> int:
    """Bytes of the image in that partition, its digest included. Raises ImageError."""
    head = bytearray(HEADER)
    read(partition, 0, head)
    check_header(head, chip)
    end, at = partition.info()[3], HEADER
    for _ in range(head[1]):
        segment = memoryview(head)[:8]
        read(partition, at, segment)
        at += 8 + struct.unpack("<L", segment[4:])[0]
        if at + 16 + DIGEST > end:
            raise ImageError("image", "The image ends before its last segment does.")
    return at + 16 - at % 16 + DIGEST


def hashing(partition: object, size: int, total: int, mark: bytes, found: list):
    """Read the first `size` bytes; a generator that yields after each buffer.

    Puts MD5 and SHA-256 of them into `found`, whether the digest at the end of an image of `total`
    bytes is that of its content, and whether `mark` lies in it.
    """
    md5, whole, content = hashlib.md5(), hashlib.sha256(), hashlib.sha256()
    tail = len(mark)  # bytes of the last buffer that are looked at again: a mark may lie across
    buffer = bytearray(tail + COPY_BYTES)
    window = memoryview(buffer)
    marked, at = False, 0
    while at < size:
        piece = window[tail : tail + min(COPY_BYTES, size - at)]
        read(partition, at, piece)
        md5.update(piece)
        whole.update(piece)
        if at < total - DIGEST:
            content.update(piece[: total - DIGEST - at])
        marked = marked or mark in buffer
        window[:tail] = window[len(piece) : len(piece) + tail]
        at += len(piece)
        yield
    own = bytearray(DIGEST)
    if total:
        read(partition, total - DIGEST, own)
    found.extend((hex_of(md5), hex_of(whole), content.digest() == own, marked))


def checking(partition: object, announced: dict, expected: tuple, found: dict):
    """Judge the image that lies in the partition, in steps; fills `found` with its `proof`.

    `expected` is (chip, node type). Raises ImageError: first for what did not arrive as announced,
    then for what the image is.
    """
    chip, node_type = expected
    total, fault = 0, None
    try:
        total = length_of(partition, chip)
    except ImageError as error:
        fault = error
    size = announced["size"] or total or announced["parts"] * COPY_BYTES
    mark = MARK.format(node_type, announced["version"] or "")
    if not announced["version"]:
        mark = mark[:-1]
    hashes = []
    for _ in hashing(partition, size, total, mark.encode(), hashes):
        yield
    md5, sha256, intact, marked = hashes
    if md5 != announced["md5"]:
        raise ImageError("md5", "What arrived does not have the announced MD5.")
    if sha256 != (announced["sha256"] or sha256):
        raise ImageError("sha256", "What arrived does not have the announced SHA-256.")
    if total != size:
        if is_combined(partition, size):
            raise ImageError("image", "The file is one for the cable, with bootloader and table.")
        text = "The image is {} bytes long, not {}."
        raise fault or ImageError("image", text.format(total, size))
    if not intact:
        raise ImageError("image", "The image does not have the SHA-256 that it carries.")
    if not marked:
        said = "{}, version {}".format(node_type, announced["version"] or "any")
        raise ImageError("role", "The image holds no application for {}.".format(said))
    found["proof"] = sha256


def is_combined(partition: object, size: int) -> bool:
    found = bytearray(2)
    for at in TABLE_AT:
        if size > at:
            read(partition, at, found)
            if found == TABLE_MAGIC:
                return True
    return False


def read(partition: object, at: int, buffer: bytearray | memoryview) -> None:
    partition.readblocks(at // BLOCK, buffer, at % BLOCK)
