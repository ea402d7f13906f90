"""scripts/build-firmware: the command line around `bundle.build`."""

import argparse
import hashlib
import sys
from pathlib import Path

from device.bundle import ImageError
from scripts.firmware import bundle, sources
from scripts.firmware.compiler import CompileError


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(
        prog="build-firmware",
        description="Build an app-bundle: the file that Home Assistant takes and nodes install.",
    )
    command.add_argument("node_type", metavar="TYPE", help="node type, such as pir, or gateway")
    command.add_argument("version", metavar="VERSION", help="such as 1.1.0")
    command.add_argument("--out", type=Path, metavar="FILE", help="default dist/TYPE-VERSION.tar")
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
        try:
            found[name] = Path(path).read_bytes()
        except OSError as error:
            raise sources.SourceError(f"{path} cannot be read: {error.strerror}.") from error
    return found


def main(arguments: list[str] | None = None) -> int:
    """Build, write, say what it is. The exit code is 1 when there is nothing to be had."""
    options = parser().parse_args(arguments)
    try:
        built = bundle.build(
            options.node_type,
            options.version,
            gateway=options.gateway,
            compile_modules=not options.source,
            hardware=options.hardware,
            replaced=replacements(options.replace),
        )
    except (sources.SourceError, CompileError, ImageError) as error:
        print(f"build-firmware: {error}", file=sys.stderr)
        return 1
    out = options.out or sources.REPOSITORY / "dist" / f"{options.node_type}-{options.version}.tar"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(built)
    print(out)
    print(f"size    {len(built)}")
    print(f"md5     {hashlib.md5(built, usedforsecurity=False).hexdigest()}")
    print(f"sha256  {hashlib.sha256(built).hexdigest()}")
    print(f"proof   {bundle.proof_of(built)}")
    return 0
