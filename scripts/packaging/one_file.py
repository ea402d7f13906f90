"""mesh-ota-deploy: scripts/deploy as one file that Python runs, with the firmware built into it.

It carries the modules of the deployment, the device's own code that prepares a flash, a bundle of each type and the
factory's files. On the machine where it runs there has to be mpremote, and no compiler.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from scripts.deployment.supply import INDEX, PREBUILT
from scripts.firmware import flash
from scripts.firmware.sources import REPOSITORY
from scripts.packaging import zips

NAME = "mesh-ota-deploy"
PACKAGES = ("device", "scripts/deployment", "scripts/firmware")
INSIDE = f"scripts/deployment/{PREBUILT}"
SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = f"""\
import sys

if sys.version_info < (3, 11):
    sys.exit("{NAME} needs Python 3.11 or newer.")

from scripts.deployment.command import main

sys.exit(main(program="{NAME}"))
"""


def build(version: str, bundles: Mapping[str, bytes], root: Path = REPOSITORY) -> bytes:
    """`bundles` by node type, the gateway's among them."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in (root / package).glob("*.py")
    }
    # Without it, Python before 3.13 does not find a package inside a zip.
    files["scripts/__init__.py"] = b""
    files["__main__.py"] = MAIN.encode()
    factory, index = _factory()
    described = {"version": version, "types": sorted(bundles), "factory": index}
    files[f"{INSIDE}/{INDEX}"] = (json.dumps(described, indent=1, sort_keys=True) + "\n").encode()
    files.update({f"{INSIDE}/{name}": content for name, content in factory.items()})
    files.update({f"{INSIDE}/{name}.tar": content for name, content in bundles.items()})
    return zips.pack(files, SHEBANG)


def _factory() -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """The factory's files by their place in the zip, and for each firmware where its own are."""
    kept: dict[str, bytes] = {}
    index: dict[str, dict[str, str]] = {}
    for firmware in ("gateway", "node"):
        index[firmware] = {}
        for path, content in flash.factory_files(firmware).items():
            place = f"factory/{path if '/' in path else f'{firmware}-{path}'}"
            kept[place] = content
            index[firmware][path] = place
    return kept, index
