"""The integration as one zip: its files at the root, the version of the release in its manifest.

It is what HACS takes for `zip_release`, and what unpacks into custom_components/mesh_ota by hand.
"""

import json
from pathlib import Path

from scripts.firmware.sources import REPOSITORY
from scripts.packaging import zips

FOLDER = "custom_components/mesh_ota"
NAME = "mesh_ota.zip"  # hacs.json names it too
MANIFEST = "manifest.json"


def build(version: str, root: Path = REPOSITORY) -> bytes:
    folder = root / FOLDER
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and belongs(path.relative_to(folder))
    }
    described = json.loads(files[MANIFEST])
    described["version"] = version
    files[MANIFEST] = (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode()
    return zips.pack(files)


def belongs(path: Path) -> bool:
    """Neither what Python leaves behind nor what an editor hides."""
    return not any(step == "__pycache__" or step.startswith(".") for step in path.parts)
