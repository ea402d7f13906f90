"""What mip installs."""

import json
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "painlessmesh"


def test_the_package_lists_every_module_and_nothing_else() -> None:
    package = json.loads((LIBRARY / "package.json").read_text())
    modules = sorted(path.name for path in LIBRARY.glob("*.py"))
    assert sorted(package["urls"]) == [[f"painlessmesh/{name}", name] for name in modules]
