"""scripts/release: everything that a release consists of, into one folder."""

import argparse
import hashlib
import re
import sys
from pathlib import Path

from device.bundle import ImageError
from scripts.deployment.supply import Clone
from scripts.firmware import bundle
from scripts.firmware.compiler import CompileError
from scripts.firmware.sources import REPOSITORY, SourceError
from scripts.packaging import integration, one_file

SUMS = "SHA256SUMS"
# What Home Assistant can compare, and short enough for a bundle's manifest.
VERSION = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}(?:(?:a|b|rc|\.dev)\d{1,3})?")
EXECUTABLE = 0o755


def main(words: list[str] | None = None) -> int:
    command = argparse.ArgumentParser(prog="release", description="Build the files of a release.")
    command.add_argument("version", metavar="VERSION", help="such as 1.2.0 or 1.2.0b1")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="default dist/mesh-ota-VERSION")
    options = command.parse_args(words)
    if not VERSION.fullmatch(options.version):
        print("release: a version is three numbers, such as 1.2.0 or 1.2.0b1.", file=sys.stderr)
        return 1
    folder = options.out or REPOSITORY / "dist" / f"mesh-ota-{options.version}"
    try:
        files = built(options.version)
    except (SourceError, CompileError, ImageError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    write(folder, files)
    print(f"{folder}:")
    print(files[SUMS].decode(), end="")
    return 0


def built(version: str) -> dict[str, bytes]:
    """Every file of the release, by name."""
    bundles = {name: bundle.build(name, version) for name in [*Clone().types, "gateway"]}
    files = {f"{name}-{version}.tar": content for name, content in bundles.items()}
    files[integration.NAME] = integration.build(version)
    files[one_file.NAME] = one_file.build(version, bundles)
    files[SUMS] = sums(files)
    return files


def sums(files: dict[str, bytes]) -> bytes:
    """As sha256sum writes and checks it."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / one_file.NAME).chmod(EXECUTABLE)
