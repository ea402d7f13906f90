"""scripts/build-firmware: the same bytes from the same sources, and a bundle that boards take."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from device.bundle import ImageError
from device.flash_files import FlashFiles
from device.incoming import Incoming
from device.slots import Slots
from scripts.firmware import bundle, flash
from scripts.firmware.compiler import CompileError
from scripts.firmware.sources import SourceError
from tests.device import boards, made_bundles as made

REPOSITORY = Path(__file__).parents[2]
COMMAND = REPOSITORY / "scripts/build-firmware"
ROLES = ("button", "button2", "dht", "led", "pir", "watcher")


def names(content: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return archive.getnames()


@pytest.mark.parametrize("compiled", [True, False])
def test_the_same_sources_give_the_same_bytes_wherever_they_lie(
    tmp_path: Path, compiled: bool
) -> None:
    for part in ("device", "painlessmesh", "node_firmware"):
        shutil.copytree(REPOSITORY / part, tmp_path / "elsewhere" / part)
    here = bundle.build("pir", "1.0.0", compile_modules=compiled)
    bundle.compiler.compile_module.cache_clear()
    there = bundle.build("pir", "1.0.0", compile_modules=compiled, root=tmp_path / "elsewhere")
    assert here == there


def test_two_versions_differ() -> None:
    assert bundle.build("pir", "1.0.0") != bundle.build("pir", "1.0.1")


@pytest.mark.parametrize("role", ROLES)
def test_a_bundle_holds_its_own_role_and_no_other(role: str) -> None:
    found = names(bundle.build(role, "1.0.0"))
    roles = {name for name in found if name.startswith("roles/")} - {"roles/__init__.mpy"}
    assert f"roles/{role}.mpy" in roles
    assert roles <= {f"roles/{role}.mpy", "roles/button.mpy"}
    assert "node/app.mpy" in found
    assert not any(name.startswith("gateway/") for name in found)


def test_the_gateways_bundle_holds_the_gateway() -> None:
    found = names(bundle.build("gateway", "1.0.0"))
    assert "gateway/app.mpy" in found
    assert not any(name.startswith(("node/", "roles/")) for name in found)


def test_the_standard_library_reads_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(bundle.build("led", "1.0.0"))) as archive:
        members = archive.getmembers()
        assert members[0].name == "manifest.json"
        assert [member.name for member in members[1:]] == sorted(
            member.name for member in members[1:]
        )
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in members} == {
            (0, 0, 0, 0o644)
        }
        described = json.load(archive.extractfile("manifest.json"))
        for name, digest in described["files"].items():
            assert hashlib.sha256(archive.extractfile(name).read()).hexdigest() == digest
    assert (described["node_type"], described["version"]) == ("led", "1.0.0")


def test_a_node_installs_it_and_gives_the_proof_that_was_foretold(tmp_path: Path) -> None:
    first, second = bundle.build("pir", "1.0.0"), bundle.build("pir", "1.1.0")
    assert flash.write(tmp_path, first) == bundle.proof_of(first)
    slots, incoming = Slots(str(tmp_path)), Incoming(str(tmp_path))
    made.arrive(incoming, second)
    assert slots.install(incoming, "pir", "1.26.1") == bundle.proof_of(second)


def test_the_first_flash_has_the_factory_loader_and_a_confirmed_slot(tmp_path: Path) -> None:
    for node_type, firmware in (("pir", "node_firmware"), ("gateway", "gateway_firmware")):
        folder = tmp_path / node_type
        flash.write(folder, bundle.build(node_type, "1.0.0"))
        files = FlashFiles(str(folder))
        assert files.size("lib/device/loader.mpy") > 0
        assert files.size("lib/device/board.mpy") > 0
        assert (folder / "main.py").read_bytes() == (REPOSITORY / firmware / "main.py").read_bytes()
        assert Slots(str(folder)).manifest()["node_type"] == node_type
        assert Slots(str(folder)).damaged is None


def test_the_loader_lies_in_the_factory_only(tmp_path: Path) -> None:
    assert "device/loader.mpy" not in names(bundle.build("pir", "1.0.0"))


def test_a_file_can_be_replaced_and_brings_what_it_imports() -> None:
    found = bundle.build(
        "pir",
        "1.0.0",
        compile_modules=False,
        replaced={"roles/pir.py": b"import painlessmesh.mac\n", "notes.txt": b"hello"},
    )
    assert {"notes.txt", "painlessmesh/mac.py"} <= set(names(found))
    with tarfile.open(fileobj=io.BytesIO(found)) as archive:
        assert archive.extractfile("roles/pir.py").read() == b"import painlessmesh.mac\n"


def test_a_crash_names_a_file_of_the_slot_and_a_line() -> None:
    assert b"roles/pir.py" in bundle.compiler.compile_module("roles/pir.py", b"x = 1\n")


def test_compiled_too_a_configuration_error_says_so_to_the_loader(tmp_path: Path) -> None:
    """The loader asks by a name, where all names of an application are made short."""
    boards.fill(FlashFiles(str(tmp_path)), "a", bundle.build("pir", "1.0.0"))
    asked = (
        "import sys\n"
        "sys.path.insert(0, 'a')\n"
        "from device import config\n"
        "try:\n"
        "    config.load('nowhere.json')\n"
        "except ValueError as error:\n"
        "    print(error.of_settings)\n"
    )
    micropython = REPOSITORY / ".tools/bin/micropython"
    ran = subprocess.run(
        [micropython, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "True\n"


def test_what_no_board_would_take_is_not_built() -> None:
    with pytest.raises(SourceError, match=r"roles/toaster\.py"):
        bundle.build("toaster", "1.0.0")
    with pytest.raises(SourceError, match="node type"):
        bundle.build("../pir", "1.0.0")
    with pytest.raises(SourceError, match="version"):
        bundle.build("pir", "one two")
    with pytest.raises(SourceError, match=r"roles/pir\.py, line 1"):
        bundle.build("pir", "1.0.0", replaced={"roles/pir.py": b"def ("})
    with pytest.raises(CompileError, match=r"roles/pir\.py"):
        bundle.build("pir", "1.0.0", replaced={"roles/pir.py": b"match 1:\n case 1: pass"})
    with pytest.raises(ImageError, match="leave its folder"):
        bundle.build("pir", "1.0.0", replaced={"../boot.txt": b""})


def test_the_command_writes_the_file_and_says_what_it_is(tmp_path: Path) -> None:
    out = tmp_path / "folder/pir.tar"
    run = subprocess.run(
        [COMMAND, "pir", "1.0.0", "--out", out], capture_output=True, text=True, check=True
    )
    content = out.read_bytes()
    assert content == bundle.build("pir", "1.0.0")
    said = dict(line.split() for line in run.stdout.splitlines()[1:])
    assert said == {
        "size": str(len(content)),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "proof": bundle.proof_of(content),
    }


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    out = tmp_path / "pir.tar"
    for arguments, sentence in (
        (["toaster", "1.0.0"], "There is no node_firmware/roles/toaster.py."),
        (["pir", "1.0.0", "--replace", "roles/pir.py"], "has no '=FILE'"),
        (["pir", "1.0.0", "--replace", "roles/pir.py=/nowhere"], "cannot be read"),
    ):
        run = subprocess.run(
            [COMMAND, *arguments, "--out", out], capture_output=True, text=True, check=False
        )
        assert run.returncode == 1
        assert sentence in run.stderr
        assert "Traceback" not in run.stderr
    assert not out.exists()
