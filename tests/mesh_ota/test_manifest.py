"""What hassfest and HACS would say of the integration's own files, said here without the network."""

import json
from pathlib import Path
from struct import unpack

import pytest

COMPONENT = Path(__file__).parents[2] / "custom_components" / "mesh_ota"


def read_manifest() -> dict[str, object]:
    """The manifest, keys in the order of the file."""
    return json.loads((COMPONENT / "manifest.json").read_text())


def test_the_manifest_names_all_that_a_custom_integration_must_name():
    """HACS and Home Assistant refuse an integration without these."""
    required = {"domain", "name", "version", "documentation", "issue_tracker", "codeowners"}
    manifest = read_manifest()
    assert required <= manifest.keys()
    assert all(manifest[key] for key in required)


def test_the_manifest_is_in_the_order_that_hassfest_wants():
    """Domain, name, then alphabetical."""
    keys = list(read_manifest())
    assert keys == ["domain", "name", *sorted(keys[2:])]


def test_the_domain_is_the_folder():
    """The loader finds an integration by its folder."""
    assert read_manifest()["domain"] == COMPONENT.name


def test_nothing_is_installed_from_elsewhere():
    """No requirement means no version conflict with Home Assistant's own."""
    assert read_manifest()["requirements"] == []


@pytest.mark.parametrize(
    ("name", "height"),
    [
        ("icon.png", 256),
        ("icon@2x.png", 512),
        ("logo.png", 128),
        ("logo@2x.png", 256),
        ("dark_logo.png", 128),
        ("dark_logo@2x.png", 256),
    ],
)
def test_brand_images_have_the_sizes_that_home_assistant_serves(name: str, height: int):
    """Icons are square; logos are landscape; both come with an SVG source beside them."""
    header = (COMPONENT / "brand" / name).read_bytes()[:24]
    width, found = unpack(">II", header[16:24])
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert found == height
    assert (width == height) == name.startswith("icon")
    assert (COMPONENT / "brand" / name.replace("@2x", "")).with_suffix(".svg").is_file()
