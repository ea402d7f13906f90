"""What is looked at before a firmware is taken in: its words, and what the file itself says. Pure."""

import re

from .const import FILENAME_MAX, NODE_TYPE_PATTERN, RELEASE_NOTES_MAX, VERSION_PATTERN
from .errors import InvalidImage, InvalidRequest
from .firmware.passport import Passport

_NODE_TYPE = re.compile(NODE_TYPE_PATTERN)
_VERSION = re.compile(VERSION_PATTERN)


def check_words(node_type: str | None, version: str | None, release_notes: str) -> None:
    """Raise InvalidRequest for a word that cannot be."""
    if node_type is not None and not _NODE_TYPE.fullmatch(node_type):
        raise InvalidRequest("node_type_malformed", node_type=node_type[:40])
    if version is not None and not _VERSION.fullmatch(version):
        raise InvalidRequest("version_malformed", version=version[:40])
    if len(release_notes) > RELEASE_NOTES_MAX:
        raise InvalidRequest("release_notes_long", most=RELEASE_NOTES_MAX)
    try:
        release_notes.encode()
    except UnicodeEncodeError as err:
        # Half a surrogate pair: no store could be written with it.
        raise InvalidRequest("field_malformed", field="release_notes") from err


def identity_of(
    passport: Passport, node_type: str | None, version: str | None
) -> tuple[str, str, str]:
    """Return (type, version, hardware): the file's own where it says them, and then nobody may say otherwise."""
    for name, said, found in (
        ("node_type", node_type, passport.node_type),
        ("version", version, passport.version),
    ):
        if said is not None and found is not None and said != found:
            raise InvalidImage("bundle_says_otherwise", field=name, said=said, found=found)
    node_type = passport.node_type or node_type
    version = passport.version or version
    if node_type is None or version is None:
        raise InvalidRequest("field_missing", field="version" if node_type else "node_type")
    runtime_of(passport)
    return node_type, version, passport.hardware


def runtime_of(passport: Passport) -> str:
    """Return what the image runs. Raises InvalidRequest where nobody has said it."""
    if passport.runtime is None:
        raise InvalidRequest("runtime_not_told")
    return passport.runtime


def clean_filename(filename: str) -> str:
    """Return the last step of a name, for display only: no file is ever opened by it."""
    name = re.split(r"[/\\]", filename)[-1]
    return "".join(char for char in name if char.isprintable())[:FILENAME_MAX] or "firmware.bin"
