"""The manifest of an app-bundle: what it must say, and what its words may look like.

Only the text of `manifest.json` is judged here (docs/app-bundle.md); whether the files beside it
are the ones it names is `proof`'s question, and the archive around it is `bundle`'s.
"""

import json

from device.image import HEX, is_word

NAME = "manifest.json"
FORMAT = 1
LONGEST = 16384  # bytes: it is held in memory as a whole
MOST_FILES = 200
LONGEST_NAME = 100  # what one ustar header can hold without its prefix field
MOST_STEPS = 8  # of a name: folders are walked by recursion, and an ESP32's stack has 16 KB

LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
TYPE_LETTERS = LOWER + DIGITS + "-"
VERSION_LETTERS = LOWER + LOWER.upper() + DIGITS + ".+_-"
NAME_LETTERS = VERSION_LETTERS + "/"


class ManifestError(ValueError):
    """The manifest cannot be used; the text says which field and why."""


def parse(raw: bytes | bytearray) -> dict:
    """The checked manifest. Raises ManifestError; unknown fields are ignored. Its `files` are a
    dict or what can be used like one."""
    if len(raw) > LONGEST:
        raise ManifestError("the manifest is longer than {} bytes".format(LONGEST))
    try:
        found = _plain(raw) or json.loads(raw)
    except (ValueError, RuntimeError):  # RuntimeError: nested too deep for the parser
        raise ManifestError("the manifest is not valid JSON")
    if not isinstance(found, dict):
        raise ManifestError("the manifest is not a JSON object")
    if found.get("format") != FORMAT:
        raise ManifestError("the manifest has a format other than {}".format(FORMAT))
    for field, longest, letters in (
        ("node_type", 30, TYPE_LETTERS),
        ("version", 20, VERSION_LETTERS),
        ("hardware", 10, VERSION_LETTERS),
        ("micropython", 20, DIGITS + "."),
    ):
        if not is_word(found.get(field), longest, letters):
            raise ManifestError("the manifest has no valid {}".format(field))
    _check_files(found.get("files"))
    return found


def _plain(raw: bytes | bytearray) -> dict | None:
    """The manifest with a Listing of its files; None when only a whole parser can read it."""
    key = raw.find(b'"files"')
    opening = raw.find(b"{", max(key, 0))
    end = raw.find(b"}", max(opening, 0))
    if key < 0 or end < 0 or bytes(raw[key + 7 : opening]).strip() != b":":
        return None
    try:
        found = json.loads(raw[:opening] + str(opening).encode() + raw[end + 1 :])
        if not isinstance(found, dict) or found.get("files") != opening:
            return None  # those of something deeper
        found["files"] = Listing(raw, opening + 1, end)
    except (ValueError, RuntimeError):
        return None
    return found


class Listing:
    """Names and hashes in the text of a manifest, read where they stand: a dict of them takes
    10 KB of a node's heap. Used like one."""

    def __init__(self, text: bytes | bytearray, start: int, end: int) -> None:
        """Raises ValueError when text[start:end] is not a row of plain names and hashes."""
        while text[end - 1] in b" \n\r\t":
            end -= 1
        self._text = text
        self._start = start
        self._end = end
        self._done = start  # all before were popped
        self._taken = []  # where the names end that were popped out of their row
        self._length = 0
        if text.find(b"\\", start, end) >= 0:
            raise ValueError
        last = 0
        for name, _ in self.items():
            end = self._find(name)
            if end <= last:
                raise ValueError  # it is there twice
            last = end
            self._length += 1

    def items(self):
        at, before = self._start, b""
        while at < self._end:
            name, end = self._word(at, before)
            digest, at = self._word(end, b":")
            before = b","
            if not self._is_taken(end):
                yield name, digest

    def pop(self, name: str, default: object) -> object:
        end = self._find(name)
        if end < 0:
            return default
        digest, after = self._word(end, b":")
        before = b"" if self._done == self._start else b","
        if self._word(self._done, before)[1] == end:
            self._done = after
        else:
            self._taken.append(end)
        self._length -= 1
        return digest

    def _is_taken(self, end: int) -> bool:
        return end <= self._done or end in self._taken

    def __contains__(self, name: str) -> bool:
        return self._find(name) >= 0

    def __iter__(self):
        for name, _ in self.items():
            yield name

    def __len__(self) -> int:
        return self._length

    def _find(self, name: str) -> int:
        """Where that name ends in the text, -1 when it is not there any more."""
        quoted = b'"' + name.encode() + b'"'
        at = self._text.find(quoted, self._start, self._end)
        while at >= 0:
            end = at + len(quoted)
            if self._text[end : end + 9].lstrip()[:1] == b":":  # else a hash spelt like a name
                return -1 if self._is_taken(end) else end
            at = self._text.find(quoted, at + 1, self._end)
        return -1

    def _word(self, at: int, before: bytes) -> tuple:
        """The next text in quotes and where it ends; only `before` may stand in front of it."""
        first = self._text.find(b'"', at, self._end) + 1
        last = self._text.find(b'"', first, self._end)
        if first == 0 or last < 0 or bytes(self._text[at : first - 1]).strip() != before:
            raise ValueError
        return self._text[first:last].decode(), last + 1


def _check_files(files: object) -> None:
    if not isinstance(files, (dict, Listing)) or not 0 < len(files) <= MOST_FILES:
        raise ManifestError("the manifest must name 1 to {} files".format(MOST_FILES))
    for name, digest in files.items():
        fault = name_fault(name)
        if fault:
            raise ManifestError("the manifest names a file that {}".format(fault))
        if not is_word(digest, 64, HEX) or len(digest) != 64:
            raise ManifestError("the manifest has no SHA-256 for {}".format(name))
        if _lies_in_a_file(name, files):
            raise ManifestError("{} lies in a folder that is a file".format(name))


def _lies_in_a_file(name: str, files: object) -> bool:
    folders = name.split("/")[:-1]
    return any(["/".join(folders[: depth + 1]) in files for depth in range(len(folders))])


def name_fault(name: str) -> str:
    """Why this name may not be written into a slot, as the end of a sentence; "" when it may."""
    if not is_word(name, LONGEST_NAME, NAME_LETTERS):
        return "has an empty, too long or oddly spelt name"
    for step in name.split("/"):  # an absolute name starts with an empty step
        if step in ("", ".", ".."):
            return "would leave its folder ({})".format(name)
    if name.count("/") >= MOST_STEPS:
        return "lies too deep ({})".format(name)
    return "is the manifest itself" if name == NAME else ""


def version_numbers(text: str) -> tuple:
    """(1, 26, 1) of "1.26.1" or "1.26.1-preview": what versions are compared by."""
    numbers = []
    for step in text.split("."):
        digits = ""
        for letter in step:
            if letter not in DIGITS:
                break
            digits += letter
        if not digits:
            break
        numbers.append(int(digits))
    return tuple((numbers + [0, 0, 0])[:3])
