"""The firmware of a house: bundles as scripts/build-firmware makes them, and a board's first filling by cable.

Not here: how a bundle is made or what a board has on its flash (scripts/firmware/), only which ones a house wants.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts.firmware import bundle, compiler, flash, sources
from simulator import esp_image, partitions

# The pin that the second version lights, so that it can be seen from outside which version runs. No role uses it.
LIT_BY_NEW_VERSION = 22

_NEW_BEHAVIOUR = '''

_Before = Role


class Role(_Before):
    """What it was before, and one lamp more."""

    def __init__(self, board: object, config: dict, state: object) -> None:
        _Before.__init__(self, board, config, state)
        board.pin_out({pin}).value(1)
        print("This is the new version.")
'''


def current(node_type: str, version: str) -> bytes:
    """A bundle of the repository as it is."""
    return bundle.build(node_type, version)


def with_new_behaviour(
    node_type: str, version: str, padding: bytes = b"", *, steady_seconds: int | None = None
) -> bytes:
    """The same with a role that lights one lamp more; `padding` makes its transfer last longer."""
    more = {"roles/padding.bin": padding} if padding else {}
    if steady_seconds is not None:
        more |= trial_lasting(STEADY=steady_seconds)
    return with_role(node_type, version, _NEW_BEHAVIOUR.format(pin=LIT_BY_NEW_VERSION), more)


def that_raises(node_type: str, version: str, sentence: str) -> bytes:
    """A bundle whose application raises as soon as it is started."""
    return with_role(node_type, version, f"\n\nraise RuntimeError({sentence!r})\n")


def with_role(
    node_type: str, version: str, appended: str, more: Mapping[str, bytes] | None = None
) -> bytes:
    """A bundle whose role goes on with `appended`, and in which `more` takes the place of other files."""
    name = f"roles/{node_type.replace('-', '_')}.py"
    source = sources.read(name, sources.REPOSITORY) + appended.encode()
    return bundle.build(node_type, version, replaced={name: source, **(more or {})})


def of_gateway(
    version: str, *, appended: Mapping[str, str] | None = None, **trial_seconds: int
) -> bytes:
    """A bundle for the gateway; modules go on with what is `appended`, by their name in a slot."""
    changed = {
        name: sources.read(name, sources.REPOSITORY) + text.encode()
        for name, text in (appended or {}).items()
    }
    return bundle.build("gateway", version, replaced=changed | trial_lasting(**trial_seconds))


def trial_lasting(**seconds: int) -> dict[str, bytes]:
    """The shipped trial but for its DEADLINE or STEADY, for tests that cannot wait so long."""
    name = "device/trial.py"
    source = sources.read(name, sources.REPOSITORY).decode()
    for constant, value in seconds.items():
        source, changed = re.subn(
            rf"^{constant} = [\d_]+",
            f"{constant} = {value * 1_000_000}",
            source,
            flags=re.MULTILINE,
        )
        if changed != 1:
            raise ValueError(f"{name} has no {constant} of its own.")
    return {name: source.encode()}


def image_with_new_behaviour(
    node_type: str, version: str, padding: bytes = b"", *, marked: bool = True
) -> bytes:
    """The new behaviour as an application image, for boards with two application partitions."""
    name = f"roles/{node_type.replace('-', '_')}.py"
    source = (
        sources.read(name, sources.REPOSITORY)
        + _NEW_BEHAVIOUR.format(pin=LIT_BY_NEW_VERSION).encode()
    )
    changed = {name: source, "roles/padding.bin": padding}
    return esp_image.application(node_type, version, changed, marked=marked)


def image_that_raises(node_type: str, version: str, sentence: str) -> bytes:
    """An application image whose application raises as soon as it is started."""
    name = f"roles/{node_type.replace('-', '_')}.py"
    source = (
        sources.read(name, sources.REPOSITORY) + f"\n\nraise RuntimeError({sentence!r})\n".encode()
    )
    return esp_image.application(node_type, version, {name: source})


def proof_of(bundle_bytes: bytes) -> str:
    return bundle.proof_of(bundle_bytes)


def put_into_service(folder: Path, bundle_bytes: bytes) -> str:
    """What scripts/deploy does by cable, without the board's own config.json; answers the proof."""
    return flash.write(folder, bundle_bytes)


def put_image_into_service(board: Path, image: bytes) -> None:
    """The same for a board with two application partitions: `board` is the folder of its flash and its parts."""
    for name, content in flash.factory_files("node").items():
        path = board / "flash" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    partitions.solder_on(board / "parts", image)


def compile_hardware(folder: Path) -> Path:
    """The fakes as `.mpy`, so that they take as little of the board's heap as the real modules, which are in C."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(Path(__file__).with_name("hardware").glob("*.py")):
        out = folder / source.with_suffix(".mpy").name
        subprocess.run([compiler.mpy_cross(), "-O3", "-o", out, source], check=True)
    return folder
