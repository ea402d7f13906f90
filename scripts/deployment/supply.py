"""Where the firmware comes from: built from this clone, or built before and carried along in the released file.

Both answer the same questions: which types there are, their bundles, and the factory's files.
"""

import json
from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from device.bundle import ImageError
from scripts.deployment.errors import DeployError
from scripts.firmware import bundle as bundles, flash, sources
from scripts.firmware.compiler import CompileError

PREBUILT = "prebuilt"  # folder beside this file, in a release only
INDEX = "index.json"

Made = TypeVar("Made")


class Clone:
    """Builds from the sources, with mpy-cross."""

    def __init__(self, root: Path = sources.REPOSITORY) -> None:
        self._root = root
        manifest = root / "custom_components/mesh_ota/manifest.json"
        self.version: str = json.loads(manifest.read_text())["version"]

    @property
    def types(self) -> list[str]:
        names = [Path(name).stem for name in sources.names_in("roles", self._root)]
        return sorted(name for name in names if not name.startswith("_"))

    def bundle(self, node_type: str, version: str | None) -> bytes:
        return _sentenced(lambda: bundles.build(node_type, version or self.version))

    def factory(self, firmware: str) -> dict[str, bytes]:
        return _sentenced(lambda: flash.factory_files(firmware))


class Carried:
    """Takes what scripts/release put beside this file."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder
        index = json.loads((folder / INDEX).read_text())
        self.version: str = index["version"]
        self.types: list[str] = [name for name in index["types"] if name != "gateway"]
        self._factory: dict[str, dict[str, str]] = index["factory"]

    def bundle(self, node_type: str, version: str | None) -> bytes:
        if version not in (None, self.version):
            raise DeployError(
                f"This file carries {self.version} only. Give another with --firmware FILE.tar."
            )
        if node_type not in [*self.types, "gateway"]:
            raise DeployError(f"There is no type '{node_type}' here, only {', '.join(self.types)}.")
        return (self._folder / f"{node_type}.tar").read_bytes()

    def factory(self, firmware: str) -> dict[str, bytes]:
        return {
            path: (self._folder / member).read_bytes()
            for path, member in self._factory[firmware].items()
        }


def find() -> Clone | Carried:
    folder = resources.files("scripts.deployment") / PREBUILT
    return Carried(folder) if (folder / INDEX).is_file() else Clone()


def bundle_of_file(path: Path) -> bytes:
    """A bundle that the user gives. Raises DeployError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DeployError(f"{path} cannot be read: {error.strerror}.") from None
    _sentenced(lambda: bundles.check(content))
    return content


def _sentenced(made: Callable[[], Made]) -> Made:
    try:
        return made()
    except (sources.SourceError, CompileError, ImageError) as error:
        raise DeployError(str(error)) from None
