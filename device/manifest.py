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

LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
TYPE_LETTERS = LOWER + DIGITS + "-"
VERSION_LETTERS = LOWER + LOWER.upper() + DIGITS + ".+_-"
NAME_LETTERS = VERSION_LETTERS + "/"


class ManifestError(ValueError):
    """The manifest cannot be used; the text says which field and why."""


def parse(raw: bytes | bytearray) -> dict:
    """The checked manifest. Raises ManifestError; unknown fields are ignored."""
    if len(raw) > LONGEST:
        raise ManifestError("the manifest is longer than {} bytes".format(LONGEST))
    try:
        found = json.loads(raw)
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


def _check_files(files: object) -> None:
    if not isinstance(files, dict) or not 0 < len(files) <= MOST_FILES:
        raise ManifestError("the manifest must name 1 to {} files".format(MOST_FILES))
    for name, digest in files.items():
        fault = name_fault(name)
        if fault:
            raise ManifestError("the manifest names a file that {}".format(fault))
        if not is_word(digest, 64, HEX) or len(digest) != 64:
            raise ManifestError("the manifest has no SHA-256 for {}".format(name))
        if _lies_in_a_file(name, files):
            raise ManifestError("{} lies in a folder that is a file".format(name))


def _lies_in_a_file(name: str, files: dict) -> bool:
    folders = name.split("/")[:-1]
    return any(["/".join(folders[: depth + 1]) in files for depth in range(len(folders))])


def name_fault(name: str) -> str:
    """Why this name may not be written into a slot, as the end of a sentence; "" when it may."""
    if not is_word(name, LONGEST_NAME, NAME_LETTERS):
        return "has an empty, too long or oddly spelt name"
    for step in name.split("/"):  # an absolute name starts with an empty step
        if step in ("", ".", ".."):
            return "would leave its folder ({})".format(name)
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
