"""scripts/setup: what it made is what was asked for, and it knows when there is nothing to do."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = REPOSITORY / ".tools"


def bash(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a few lines of bash in the repository."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def demo_packages() -> Path:
    """Where the packages of the newest Home Assistant lie."""
    return next((TOOLS / "venv-demo/lib").glob("python3.*/site-packages"))


def manifest(domain: str) -> dict:
    """A manifest of that Home Assistant's."""
    return json.loads(
        (demo_packages() / f"homeassistant/components/{domain}/manifest.json").read_text()
    )


def test_a_second_setup_has_nothing_to_do() -> None:
    """Everybody's every command begins with it."""
    started = time.monotonic()
    run = subprocess.run(
        ["scripts/setup"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert run.stdout == "The tools are ready.\n"
    assert time.monotonic() - started < 2


def test_a_wrong_argument_is_refused_with_a_sentence() -> None:
    """A misspelt option must not look as if it had been obeyed."""
    run = subprocess.run(
        ["scripts/setup", "--lok"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "--lock" in run.stderr


def test_the_tools_of_another_clone_are_left_alone(tmp_path: Path) -> None:
    """Their paths are the other clone's; making them again would break it while it works."""
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "clone" / "scripts")
    (tmp_path / "clone" / ".tools").symlink_to(TOOLS)
    run = subprocess.run(
        ["scripts/setup"],
        cwd=tmp_path / "clone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "is a link" in run.stderr


def test_the_frontend_is_the_one_that_home_assistant_names() -> None:
    """Another version of it loads, and then fails in places."""
    [required] = manifest("frontend")["requirements"]
    assert required in (REPOSITORY / "requirements/demo.in").read_text().splitlines()


@pytest.mark.parametrize("file", ["demo.in", "previous.in"])
def test_what_discovery_needs_is_installed_beforehand(file: str) -> None:
    """Otherwise Home Assistant fetches it when our integration is first loaded, if it is online."""
    ours = json.loads((REPOSITORY / "custom_components/mesh_ota/manifest.json").read_text())
    assert "dhcp" in ours
    lines = (REPOSITORY / "requirements" / file).read_text().splitlines()
    assert set(manifest("dhcp")["requirements"]) <= set(lines)


@pytest.mark.parametrize("module", ["pymicro_vad", "pyspeex_noise"])
def test_a_stand_in_counts_as_the_package_that_home_assistant_asks_for(module: str) -> None:
    """Otherwise Home Assistant would try to install the real one, which needs a C++ compiler."""
    asked = manifest("assist_pipeline")["requirements"]
    versions = [one.split("==")[1] for one in asked if one.startswith(module.replace("_", "-"))]
    assert [path.name for path in demo_packages().glob(f"{module}-*.dist-info")] == [
        f"{module}-{version}.dist-info" for version in versions
    ]


def test_a_step_is_done_only_when_it_has_ended_and_nothing_it_is_made_from_has_changed(
    tmp_path: Path,
) -> None:
    """An interrupted or outdated step is done again."""
    (tmp_path / "stamps").mkdir()
    run = bash(
        """
        . scripts/toolchain/steps.sh
        is_done part "$(key_of a b)" && echo "done before it was" || true
        mark_done part "$(key_of a b)"
        is_done part "$(key_of a b)" && echo "done"
        is_done part "$(key_of a c)" && echo "done with something else" || true
        mark_undone part
        is_done part "$(key_of a b)" && echo "done after all" || true
        """,
        TOOLS=str(tmp_path),
        ROOT="here",
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def test_the_clone_s_place_is_part_of_what_a_step_is_made_from() -> None:
    """Environments hold absolute paths: a moved clone makes its tools anew."""
    line = ". scripts/toolchain/steps.sh; key_of a"
    here, there = bash(line, ROOT="/here", TOOLS=""), bash(line, ROOT="/there", TOOLS="")
    assert len(here.stdout.strip()) == 64
    assert here.stdout != there.stdout


@pytest.mark.parametrize(
    ("sources", "mirror"),
    [
        ("deb http://a.example/debian bookworm main", "http://a.example/debian"),
        (
            "deb [arch=amd64 signed-by=/x.gpg] https://b.example/debian/ bookworm main",
            "https://b.example/debian/",
        ),
        ("Types: deb\nURIs: http://c.example/debian\nSuites: bookworm", "http://c.example/debian"),
        (
            "URIs: mirror+file:///etc/apt/mirrors/debian.list",
            "mirror+file:///etc/apt/mirrors/debian.list",
        ),
        ("deb http://d.example/debian-security bookworm-security main", ""),
        ("# deb http://e.example/debian bookworm main", ""),
        (
            "deb http://f.example/node_20.x nodistro main\ndeb http://g.example/debian sid main",
            "http://g.example/debian",
        ),
    ],
)
def test_the_mirror_is_the_one_that_the_machine_uses(sources: str, mirror: str) -> None:
    """No address of a mirror is written down in this project."""
    run = bash(
        """
        . scripts/toolchain/system_packages.sh
        system_id() { echo debian; }
        apt_sources() { printf '%s\\n' "$SOURCES"; }
        archive_mirror || true
        """,
        TOOLS="",
        SOURCES=sources,
    )
    assert (run.stdout, run.stderr) == (mirror, "")


def test_no_address_of_a_package_registry_is_written_down() -> None:
    """Where packages come from is the machine's business: mirrors and proxies differ."""
    files = ["scripts", "requirements", ".ci", "pyproject.toml"]
    run = subprocess.run(
        [
            "git",
            "grep",
            "-nE",
            r"debian\.org|pypi\.org|pythonhosted|npmjs|registry\.",
            "--",
            *files,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == ""


def test_every_requirement_is_pinned() -> None:
    """A release of somebody else's must not change what a clone gets."""
    pinned = re.compile(
        r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ]+( ; .+| \\)?$|^    --hash=sha256:[0-9a-f]{64}( \\)?$"
    )
    for path in (REPOSITORY / "requirements").glob("*.txt"):
        lines = [
            line for line in path.read_text().splitlines() if line and not line.startswith("#")
        ]
        assert lines
        assert [line for line in lines if not pinned.match(line)] == [], path.name
