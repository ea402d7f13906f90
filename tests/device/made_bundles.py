"""App-bundles made by hand, good ones and every bad kind, and what a node says to them.

Runs on both Pythons. Written apart from scripts/firmware, whose archives are always good.
"""

import hashlib
import json
from binascii import hexlify

from device.bundle import ImageError
from device.incoming import PART

MICROPYTHON = "1.26.1"


def sha256(content):
    return hexlify(hashlib.sha256(content).digest()).decode()


def md5(content):
    return hexlify(hashlib.md5(content).digest()).decode()


def application(version="1.0.0"):
    """The smallest application with files in a root folder and below another one."""
    return {
        "device/__init__.py": b"# device",
        "node/app.py": b"VERSION = '" + version.encode() + b"'\n" + b"#" * 5000,
        "roles/pir.py": b"",
    }


def manifest(contents, **changes):
    described = {
        "format": 1,
        "node_type": "pir",
        "version": "1.0.0",
        "hardware": "ESP32-MPY",
        "micropython": "1.24",
        "files": {},
    }
    for name in contents:
        described["files"][name] = sha256(contents[name])
    described.update(changes)
    return json.dumps(described).encode()


def header(name, size, kind=b"0", link=b"", magic=b"ustar\x0000", prefix=b""):
    """One header of a ustar archive, right or wrong as asked."""
    fields = bytearray(512)
    for at, field in (
        (0, name),
        (100, b"0000644\x00"),
        (124, "{:011o}".format(size).encode() + b"\x00"),
        (148, b"        "),
        (156, kind),
        (157, link),
        (257, magic),
        (345, prefix),
    ):
        fields[at : at + len(field)] = field
    fields[148:156] = "{:06o}".format(sum(fields)).encode() + b"\x00 "
    return bytes(fields)


def member(name, content, kind=b"0", link=b""):
    raw = name if isinstance(name, bytes) else name.encode()
    return header(raw, len(content), kind, link) + content + bytes(-len(content) % 512)


def archive(members):
    return b"".join(members) + bytes(1024)


def bundle(files=None, **changes):
    """A good bundle of these files; the changes are to its manifest."""
    files = files or application(changes.get("version", "1.0.0"))
    members = [member("manifest.json", manifest(files, **changes))]
    return archive(members + [member(name, files[name]) for name in sorted(files)])


def proof(content):
    """The proof that this bundle must give."""
    size = int(content[124:135], 8)
    return sha256(content[512 : 512 + size])


def announcement(content, **changes):
    """What the gateway would announce for this image."""
    found = {
        "md5": md5(content),
        "sha256": sha256(content),
        "size": len(content),
        "noPart": (len(content) + PART - 1) // PART,
        "role": "pir",
        "hardware": "ESP32-MPY",
        "kind": "app-bundle",
    }
    found.update(changes)
    return found


def arrive(incoming, content, carried=None, **changes):
    """Let the whole image arrive, from the first part that is wanted; `carried` is the same one deflated."""
    if carried is not None:
        changes.update({"deflate": len(carried), "noPart": (len(carried) + PART - 1) // PART})
    first = incoming.begin(announcement(content, **changes))
    coming = memoryview(content if carried is None else carried)
    for part_no in range(first, incoming.parts):
        assert incoming.write(part_no, coming[part_no * PART : (part_no + 1) * PART])


def refusal(call, *arguments, **named):
    """(code, reason) of the ImageError that the call must raise."""
    try:
        call(*arguments, **named)
    except ImageError as error:
        return error.code, error.reason
    raise AssertionError("nothing was refused")
