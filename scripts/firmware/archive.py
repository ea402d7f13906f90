"""A ustar archive whose bytes follow from names and contents alone.

Written by hand because the standard library's headers differ between versions of Python. Regular
files only; owner, group and time are zero, the mode is 0644.
"""

from collections.abc import Mapping

BLOCK = 512


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files, in this order."""
    members = [header(name, len(content)) + padded(content) for name, content in files.items()]
    return b"".join(members) + bytes(2 * BLOCK)


def header(name: str, size: int) -> bytes:
    fields = (
        name.encode("ascii").ljust(100, b"\0"),
        b"0000644\0",  # mode
        b"0000000\0",  # owner
        b"0000000\0",  # group
        b"%011o\0" % size,
        b"%011o\0" % 0,  # time
        b" " * 8,  # the checksum is made with blanks in its own place
        b"0",  # a regular file
        bytes(100),  # link
        b"ustar\x0000",
        bytes(32 + 32),  # names of owner and group
        bytes(8 + 8 + 155 + 12),  # device numbers, prefix, padding
    )
    blank = b"".join(fields)
    checksum = b"%06o\0 " % sum(blank)
    return blank[:148] + checksum + blank[156:]


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)
