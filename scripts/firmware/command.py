"""scripts/build-firmware: the command line around `bundle.build` and, for a ready image, `image.wrapped`."""

import argparse
import hashlib
import sys
from pathlib import Path

from device.bundle import ImageError
from scripts.firmware import bundle, image, sources
from scripts.firmware.compiler import CompileError


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog="build-firmware",
        description="Build the file that Home Assistant takes and nodes install: an app-bundle, or with --image an "
        "ESP32 application image that says its type and version.",
    )
    command.add_argument("node_type", metavar="TYPE", help="node type, such as pir, or gateway")
    command.add_argument("version", metavar="VERSION", help="such as 1.1.0")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="default dist/TYPE-VERSION.tar (.bin for an image)"
    )
    command.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="an ESP32 application image, of a C++ sketch or of MicroPython with the application frozen in",
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--mpy", action="store_true", help="compiled modules (the default)")
    form.add_argument("--source", action="store_true", help="modules as source")
    command.add_argument("--hardware", default=bundle.HARDWARE, help="default %(default)s")
    command.add_argument("--gateway", action="store_true", help="the gateway's application")
    command.add_argument(
        "--replace",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="take a file of the bundle from elsewhere, such as roles/pir.py=my_pir.py",
    )
    return command


def replacements(wanted: list[str]) -> dict[str, bytes]:
    found = {}
    for text in wanted:
        name, separator, path = text.partition("=")
        if not separator:
            raise sources.SourceError(f"--replace {text} has no '=FILE'.")
        found[name] = content_of(Path(path))
    return found


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise sources.SourceError(f"{path} cannot be read: {error.strerror}.") from error


def built(options: argparse.Namespace) -> bytes:
    """Raises SourceError, CompileError or ImageError."""
    if options.image is None:
        return bundle.build(
            options.node_type,
            options.version,
            gateway=options.gateway,
            compile_modules=not options.source,
            hardware=options.hardware,
            replaced=replacements(options.replace),
        )
    bundle.check_words(options.node_type, options.version)
    return image.wrapped(content_of(options.image), options.node_type, options.version)


def main(arguments: list[str] | None = None) -> int:
    """Build, write, say what it is. The exit code is 1 when there is nothing to be had."""
    options = parser().parse_args(arguments)
    try:
        content = built(options)
    except (sources.SourceError, CompileError, ImageError) as error:
        print(f"build-firmware: {error}", file=sys.stderr)
        return 1
    proof = hashlib.sha256(content).hexdigest() if options.image else bundle.proof_of(content)
    suffix = "bin" if options.image else "tar"
    name = f"{options.node_type}-{options.version}.{suffix}"
    out = options.out or sources.REPOSITORY / "dist" / name
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    print(out)
    print(f"size    {len(content)}")
    print(f"md5     {hashlib.md5(content, usedforsecurity=False).hexdigest()}")
    print(f"sha256  {hashlib.sha256(content).hexdigest()}")
    print(f"proof   {proof}")
    return 0
