"""Reading an app-bundle: a ustar archive, one header and one buffer at a time.

Stream in, files out; nothing here writes to flash or knows where the stream comes from. An archive
is refused for whatever it has beyond plain files that its manifest names (docs/app-bundle.md):
bytes from a mesh are hostile until each of them has been accounted for.
"""

import hashlib

from device import manifest
from device.image import LARGEST, ImageError, hex_of

BLOCK = 512  # the unit of a tar archive: headers and files are padded to it


class BundleReader:
    """Members of the archive that `source.readinto(buffer) -> length` yields."""

    def __init__(self, source) -> None:
        self._source = source
        self._header = bytearray(BLOCK)
        self._left = 0  # bytes of the current file not read yet
        self._padding = 0  # zeros behind it

    def next_file(self) -> tuple | None:
        """(name, size) of the next member, None at the end of the archive."""
        self._skip(self._left + self._padding)
        self._fill(self._header)
        if not any(self._header):
            self._expect_only_zeros()
            return None
        name = self._name()
        size = octal(self._header[124:136])
        if size > LARGEST:
            raise ImageError("bundle", "{} says it is {} bytes long.".format(name, size))
        self._left = size
        self._padding = -size % BLOCK
        return name, size

    def readinto(self, buffer: memoryview) -> int:
        """The next bytes of the current file; 0 at its end."""
        length = min(len(buffer), self._left)
        self._fill(buffer[:length])
        self._left -= length
        return length

    def _name(self) -> str:
        """The checked name of the member that the header describes."""
        header = self._header
        total = sum(header) - sum(header[148:156]) + 8 * 0x20  # the sum is made over blanks
        if octal(header[148:156]) != total:
            raise ImageError("bundle", "The archive is damaged: a header has a wrong checksum.")
        try:
            name = text_of(header[0:100])
        except ValueError:
            name = ""
        if bytes(header[257:263]) != b"ustar\x00" or header[345]:
            raise ImageError("bundle", "The archive is not a plain ustar archive.")
        fault = "" if name == manifest.NAME else manifest.name_fault(name)
        if header[156] != 0x30 or header[157]:  # "0": a regular file; and no link to another
            shown = "A member" if fault else name
            raise ImageError("bundle", "{} is not a regular file.".format(shown))
        if fault:
            raise ImageError("bundle", "The archive holds a file that {}.".format(fault))
        return name

    def _skip(self, length: int) -> None:
        scratch = memoryview(self._header)
        while length:
            step = min(length, BLOCK)
            self._fill(scratch[:step])
            length -= step
        self._left = self._padding = 0

    def _fill(self, buffer: bytearray | memoryview) -> None:
        window = memoryview(buffer)
        while len(window) > 0:
            length = self._source.readinto(window)
            if not length:
                raise ImageError("bundle", "The archive ends in the middle of a file.")
            window = window[length:]

    def _expect_only_zeros(self) -> None:
        """Behind the last member: one more block of zeros, and nothing but zeros to the end."""
        self._fill(self._header)
        while True:
            if any(self._header):
                raise ImageError("bundle", "There is something behind the end of the archive.")
            window = memoryview(self._header)
            window[:] = bytes(BLOCK)
            if not self._source.readinto(window):
                return


def octal(field: bytearray) -> int:
    """A number of a tar header: octal digits, then a zero or a blank."""
    text = bytes(field).rstrip(b"\x00 ")
    if not text or any([not 0x30 <= digit <= 0x37 for digit in text]):
        raise ImageError("bundle", "The archive is damaged: a header holds no number.")
    return int(text, 8)


def text_of(field: bytearray) -> str:
    """A text of a tar header, up to its first zero."""
    return bytes(field).split(b"\x00")[0].decode()


def read_manifest(reader: BundleReader) -> dict:
    """The manifest, which is the first member. Raises ImageError."""
    first = reader.next_file()
    if first is None or first[0] != manifest.NAME:
        raise ImageError("bundle", "The first file of the archive is not manifest.json.")
    if first[1] > manifest.LONGEST:
        raise ImageError("bundle", "The manifest is longer than {} bytes.".format(manifest.LONGEST))
    raw = bytearray(first[1])
    if raw:
        reader.readinto(memoryview(raw))
    try:
        return manifest.parse(raw)
    except manifest.ManifestError as error:
        raise ImageError("bundle", "The bundle cannot be used: {}.".format(error))


def checking(reader: BundleReader, listed: object, buffer: bytearray, note_size: object):
    """Compare every file with the manifest's `listed`, which is used up. A generator: yields after
    each buffer, so that the caller can do something else meanwhile; `note_size` is told each size.
    """
    window = memoryview(buffer)
    while True:
        member = reader.next_file()
        if member is None:
            break
        name, size = member
        expected = listed.pop(name, None)
        if expected is None:
            raise ImageError("bundle", "{} is there twice or not in the manifest.".format(name))
        digest = hashlib.sha256()
        length = reader.readinto(window)
        while length:
            digest.update(window[:length])
            yield
            length = reader.readinto(window)
        if hex_of(digest) != expected:
            raise ImageError("bundle", "{} is not what the manifest says.".format(name))
        note_size(size)
    for name in listed:
        raise ImageError("bundle", "{} is missing from the archive.".format(name))
