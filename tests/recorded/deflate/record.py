"""Makes `image.bin` and `image.deflated`: an image as Home Assistant has it, and as it crosses the mesh.

`python tests/recorded/deflate/record.py` writes both anew. The image has three groups: text, bytes that cannot be
deflated, and a shorter last one. Home Assistant's tests compare what it makes with the recording, the device's inflate it.
"""

import hashlib
from pathlib import Path

from custom_components.mesh_ota.firmware.deflate import deflated

HERE = Path(__file__).parent


def image() -> bytes:
    """10,000 bytes."""
    text = b"".join(b"line %d of a file that is easily deflated\n" % n for n in range(200))
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(128))
    return text[:4096] + noise + text[4096 : 4096 + 1808]


if __name__ == "__main__":
    content = image()
    packed = deflated(content)
    assert packed is not None, "the recording would show nothing"
    (HERE / "image.bin").write_bytes(content)
    (HERE / "image.deflated").write_bytes(packed)
