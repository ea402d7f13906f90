"""What a slot holds, read from flash: the proof, and the first file that is not as it should be.

A whole slot's proof is the SHA-256 of its `manifest.json`, said only after every file was compared
with it. Anything else gives a proof that no library knows: SHA-256 over the manifest's hash and the
names and hashes of what differs, so that a damaged slot can never pass for the firmware it was.
"""

import hashlib

from device import manifest
from device.flash_files import COPY_BYTES, FlashFiles
from device.image import hex_of

MISSING = "missing"
UNLISTED = "unlisted"
IGNORED = "__pycache__"  # CPython leaves it where it imports from; a board never has it


def slot_proof(files: FlashFiles, slot: str, recorded: str = "") -> tuple:
    """(proof, name of the first damaged file or None) of the slot `a` or `b`.

    `recorded` is the proof this slot had when it was installed; it tells a manifest that was
    changed and still reads well.
    """
    raw = files.read(slot + "/" + manifest.NAME, manifest.LONGEST)
    if raw is None:
        return _joined(MISSING, []), manifest.NAME
    own_hash = hex_of(hashlib.sha256(raw))
    try:
        listed = manifest.parse(raw)["files"]
    except manifest.ManifestError:
        return _joined(own_hash, []), manifest.NAME
    wrong = _differences(files, slot, listed)
    if wrong:
        return _joined(own_hash, wrong), wrong[0][0]
    return own_hash, manifest.NAME if recorded not in ("", own_hash) else None


def slot_manifest(files: FlashFiles, slot: str) -> dict | None:
    """The checked manifest of a slot, None when it cannot be read."""
    raw = files.read(slot + "/" + manifest.NAME, manifest.LONGEST)
    try:
        return None if raw is None else manifest.parse(raw)
    except manifest.ManifestError:
        return None


def _differences(files: FlashFiles, slot: str, listed: object) -> list:
    """[(name, what is there instead)], sorted by name."""
    buffer = bytearray(COPY_BYTES)
    wrong = []
    for name, expected in listed.items():
        actual = file_hash(files, slot + "/" + name, buffer)
        if actual != expected:
            wrong.append((name, actual))
    for path in files.all_below(slot):
        name = path[len(slot) + 1 :]
        # A stray app.py would be imported in place of the app.mpy beside it.
        if name not in listed and name != manifest.NAME and IGNORED not in name:
            wrong.append((name, UNLISTED))
    return sorted(wrong)


def file_hash(files: FlashFiles, path: str, buffer: bytearray) -> str:
    digest = hashlib.sha256()
    window = memoryview(buffer)
    try:
        with files.open(path, "rb") as file:
            while True:
                length = file.readinto(buffer)
                if not length:
                    return hex_of(digest)
                digest.update(window[:length])
    except OSError:
        return MISSING


def _joined(own_hash: str, wrong: list) -> str:
    lines = [own_hash] + [name + " " + actual for name, actual in wrong]
    return hex_of(hashlib.sha256("\n".join(["damaged"] + lines).encode()))
