"""App-bundles: a ustar archive whose first member, `manifest.json`, names and hashes all others (docs/app-bundle.md).

Home Assistant refuses at upload whatever a node would refuse later. Nothing is ever unpacked here.
"""

import hashlib
import json
import re
import tarfile
from dataclasses import dataclass
from typing import Any

from ..const import (
    BUNDLE_FILES_MAX,
    HARDWARE_MICROPYTHON,
    MANIFEST_MAX,
    NODE_TYPE_PATTERN,
    VERSION_PATTERN,
)
from ..errors import InvalidImage

MANIFEST = "manifest.json"
FORMAT = 1
BLOCK = 512
# Where ustar writes its magic; plain old tar has none, and pax and GNU long names come as members of their own type.
MAGIC_AT = 257
NAME_MAX = 100
_NAME = re.compile(r"[A-Za-z0-9._+/-]+")
_MICROPYTHON = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_FIELDS = {
    "node_type": re.compile(NODE_TYPE_PATTERN),
    "version": re.compile(VERSION_PATTERN),
    "micropython": _MICROPYTHON,
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself."""

    node_type: str
    version: str
    hardware: str
    micropython: str
    files: dict[str, str]
    proof: str
    """SHA-256 of the manifest's bytes: what a node proves that runs this bundle."""


def looks_like(content: bytes) -> bool:
    """Whether it is meant to be an archive."""
    return content[MAGIC_AT : MAGIC_AT + 5] == b"ustar"


def read(content: bytes) -> Manifest:
    """Check a whole bundle. Raises InvalidImage with the reason."""
    members = _members(content)
    first = members[0] if members else None
    if first is None or first[0].name != MANIFEST:
        raise InvalidImage("bundle_manifest_first")
    if first[0].size > MANIFEST_MAX:
        raise InvalidImage("bundle_manifest_long", most=MANIFEST_MAX // 1024)
    manifest = read_manifest(first[1])
    _check_files(manifest.files, members[1:])
    return manifest


def _members(content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return each member with its bytes.

    Header by header: `tarfile.open` follows long names, pax headers and sparse maps silently, a node knows none of them.
    """
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    end = 0
    while any(content[end : end + BLOCK]):
        start = end + BLOCK
        try:
            member = tarfile.TarInfo.frombuf(content[end:start], "utf-8", "strict")
        except (tarfile.TarError, ValueError) as err:
            raise InvalidImage("bundle_damaged") from err
        end = start + -(-member.size // BLOCK) * BLOCK
        _check_member(content, member, start, end)
        members.append((member, content[start : start + member.size]))
        if len(members) > BUNDLE_FILES_MAX + 1:
            raise InvalidImage("bundle_many_files", most=BUNDLE_FILES_MAX)
    if len(content) - end < 2 * BLOCK or any(content[end:]):
        raise InvalidImage("bundle_end")
    return members


def _check_member(content: bytes, member: tarfile.TarInfo, start: int, end: int) -> None:
    name = member.name
    if not looks_like(content[start - BLOCK : start]) or member.type != tarfile.REGTYPE:
        raise InvalidImage("bundle_not_a_file", name=name[:NAME_MAX])
    if not good_name(name):
        raise InvalidImage("bundle_name", name=name[:NAME_MAX])
    if member.size < 0 or end > len(content):
        raise InvalidImage("bundle_beyond", name=name)


def good_name(name: Any) -> bool:
    """Whether a name is one that may lie in a slot: relative, no empty, `.` or `..` step."""
    if not isinstance(name, str) or len(name) > NAME_MAX or not _NAME.fullmatch(name):
        return False
    return all(step not in ("", ".", "..") for step in name.split("/"))


def read_manifest(text: bytes) -> Manifest:
    """Check the manifest's fields. Raises InvalidImage."""
    try:
        said = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as err:
        raise InvalidImage("bundle_manifest_json") from err
    if not isinstance(said, dict):
        raise InvalidImage("bundle_manifest_json")
    if type(said.get("format")) is not int or said["format"] != FORMAT:
        raise InvalidImage("bundle_manifest_field", field="format")
    for name, pattern in _FIELDS.items():
        if not isinstance(said.get(name), str) or not pattern.fullmatch(said[name]):
            raise InvalidImage("bundle_manifest_field", field=name)
    if said.get("hardware") != HARDWARE_MICROPYTHON:
        raise InvalidImage("bundle_manifest_field", field="hardware")
    return Manifest(
        node_type=said["node_type"],
        version=said["version"],
        hardware=said["hardware"],
        micropython=said["micropython"],
        files=_listed(said.get("files")),
        proof=hashlib.sha256(text).hexdigest(),
    )


def _listed(files: Any) -> dict[str, str]:
    if not isinstance(files, dict) or not 1 <= len(files) <= BUNDLE_FILES_MAX:
        raise InvalidImage("bundle_manifest_field", field="files")
    for name, digest in files.items():
        if not good_name(name) or name == MANIFEST:
            raise InvalidImage("bundle_name", name=str(name)[:NAME_MAX])
        if not isinstance(digest, str) or not _HEX_64.fullmatch(digest):
            raise InvalidImage("bundle_manifest_field", field="files")
    for name in files:
        steps = name.split("/")
        if any("/".join(steps[:depth]) in files for depth in range(1, len(steps))):
            raise InvalidImage("bundle_name", name=name)
    return files


def _check_files(files: dict[str, str], members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    seen: set[str] = set()
    for member, content in members:
        if member.name in seen:
            raise InvalidImage("bundle_twice", name=member.name)
        if member.name not in files:
            raise InvalidImage("bundle_unlisted", name=member.name)
        if hashlib.sha256(content).hexdigest() != files[member.name]:
            raise InvalidImage("bundle_hash", name=member.name)
        seen.add(member.name)
    for name in files:
        if name not in seen:
            raise InvalidImage("bundle_missing", name=name)
