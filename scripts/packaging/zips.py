"""A zip whose bytes follow from names and contents alone."""

import io
import zipfile
from collections.abc import Mapping

EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that the format can say
UNIX = 3
MODE = 0o100644


def pack(files: Mapping[str, bytes], prefix: bytes = b"") -> bytes:
    """Sorted, stored (what compressors write differs between their versions), behind a prefix."""
    written = io.BytesIO()
    written.write(prefix)
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system = UNIX
            member.external_attr = MODE << 16
            archive.writestr(member, files[name])
    return written.getvalue()
