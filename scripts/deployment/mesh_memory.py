"""The meshes this computer has deployed gateways for, so that nodes need no retyping.

One private file, mode 0600, in the user's configuration folder: for each mesh its name, its password and the
mesh key. Whoever can read it can command the nodes; deleting it costs nothing but typing.
"""

import json
import os
import secrets
import sys
from pathlib import Path

FIELDS = ("prefix", "password", "channel", "hidden", "port")


def default_path() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "mesh-ota" / "meshes.json"
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "mesh-ota" / "meshes.json"


class MeshMemory:
    """`{"latest": prefix, "meshes": {prefix: {"mesh": {…}, "mesh_key": hex}}}`; a damaged file counts as none."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._latest = ""
        self._meshes: dict[str, dict[str, object]] = {}
        try:
            stored = json.loads(self.path.read_text())
            self._meshes = {name: dict(one) for name, one in stored["meshes"].items()}
            self._latest = stored["latest"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._meshes = {}

    def mesh(self, prefix: str | None) -> dict[str, object]:
        """The settings of that mesh, or of the latest one; empty when it is not known."""
        known = self._known(prefix).get("mesh")
        return dict(known) if isinstance(known, dict) else {}

    def mesh_key(self, prefix: str | None) -> str:
        """64 hex digits, "" when it is not known."""
        return str(self._known(prefix).get("mesh_key", ""))

    def remember(self, mesh: dict[str, object], mesh_key: str) -> None:
        """Write it down, atomically and readable for this user alone. Raises OSError."""
        prefix = str(mesh["prefix"])
        self._meshes[prefix] = {
            "mesh": {name: mesh[name] for name in FIELDS if name in mesh},
            "mesh_key": mesh_key,
        }
        self._latest = prefix
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"latest": self._latest, "meshes": self._meshes}, file, indent=1)
        fresh.replace(self.path)

    def _known(self, prefix: str | None) -> dict[str, object]:
        return self._meshes.get(self._latest if prefix is None else prefix, {})
