"""scripts/firmware/merged.py: which modules become one for a board, and that they mean what they meant."""

import ast
from types import SimpleNamespace

import pytest

from scripts.firmware import compiler, merged, sources
from scripts.firmware.sources import SourceError

HEAD = b"from device.first import found\n\n\ndef main():\n    return found()\n"


def application(**files: bytes) -> dict[str, bytes]:
    """A node of these modules of `device/`, and `app`."""
    empty = {"node/__init__.py": b"", "device/__init__.py": b""}
    app = files.pop("app", HEAD)
    return (
        empty | {"node/app.py": app} | {f"device/{name}.py": text for name, text in files.items()}
    )


def one_of(files: dict[str, bytes]) -> str:
    return merged.merged(files)["node/app.py"].decode()


def run(files: dict[str, bytes]) -> object:
    """What main() of the whole answers."""
    place = SimpleNamespace()
    exec(one_of(files), vars(place))
    return place.main()


def test_what_the_head_imports_is_one_module_with_it() -> None:
    after = merged.merged(application(first=b"def found():\n    return 1\n"))
    assert "device/first.py" not in after
    assert after["node/app.py"] == (
        b"def found():\n    return 1\npass\n\n\ndef main():\n    return found()\n"
    )
    assert after["node/app.lines"] == b"1 device/first.py\n3 node/app.py\n"


def test_the_same_name_in_two_modules_stays_two_names() -> None:
    first = (
        b"from device.other import found as more\n\nx = 1\n\n\ndef found():\n    return x, more()\n"
    )
    other = b"x = 2\n\n\ndef found():\n    return x\n"
    assert run(application(first=first, other=other)) == (1, 2)


def test_a_name_of_one_module_does_not_hide_what_python_means_by_it_in_another() -> None:
    first = b"from device.other import most\n\n\ndef found():\n    return max([1, 2]), most\n"
    other = b"def max(numbers):\n    return 5\n\n\nmost = max([1, 2])\n"
    assert run(application(first=first, other=other)) == (2, 5)


def test_what_is_said_through_a_module_is_found_without_it() -> None:
    first = (
        b"from device import other\n\nx = 1\n\n\ndef found():\n    return x, other.x, other.f(3)\n"
    )
    other = b"x = 2\n\n\ndef f(x):\n    return x\n"
    assert run(application(first=first, other=other)) == (1, 2, 3)


def test_a_local_name_stays_local() -> None:
    first = b"from device.other import get\n\nx = 1\n\n\ndef found():\n    y = x\n    return y, get(7)\n"
    other = b"y = 2\nx = 3\n\n\ndef get(x):\n    return x, y\n"
    assert run(application(first=first, other=other)) == (1, (7, 2))


@pytest.mark.parametrize(
    "late",
    [
        b"def later():\n    from device import first\n\n    return first\n",
        b"def later():\n    from device.first import found\n\n    return found\n",
        b'FORGOTTEN = ("device.first",)\n',
        b"import device.first\n",
    ],
)
def test_what_is_loaded_or_let_go_at_a_time_of_its_own_stays_a_module(late: bytes) -> None:
    after = merged.merged(application(app=HEAD + late, first=b"def found():\n    return 1\n"))
    assert "device/first.py" in after
    assert b"from device.first import found" in after["node/app.py"]


@pytest.mark.parametrize(
    "text", [b"x = 1\n\n\ndef found():\n    global x\n    x += 1\n", b"found = globals\n"]
)
def test_what_hangs_on_being_a_module_stays_one(text: bytes) -> None:
    assert "device/first.py" in merged.merged(application(first=text))


def test_what_a_module_beside_the_whole_needs_at_once_stays_a_module() -> None:
    """It is loaded while the whole is not there yet."""
    first = b"from device.stays import y\nfrom device.other import x\n\n\ndef found():\n    return x, y\n"
    stays = b"from device.other import x\n\ny = x\nglobals\n"
    after = merged.merged(application(first=first, stays=stays, other=b"x = 1\n"))
    assert {"device/stays.py", "device/other.py"} <= after.keys()
    assert "device/first.py" not in after


def test_a_module_that_comes_late_gets_from_the_whole_what_is_in_it() -> None:
    late = b"from device.first import (\n    found,\n    x,\n)\nfrom os import stat\n"
    first = b"x = 1\n\n\ndef found():\n    return x\n"
    app = (
        HEAD.replace(b"return", b"from device import late\n\n    x = late\n    return x,")
        + b"\nx = 2\n"
    )
    after = merged.merged(application(app=app, first=first, late=late))
    assert after["device/late.py"] == (
        b"from node.app import found, x_of_device_first as x\n\n\n\nfrom os import stat\n"
    )


def test_a_name_in_an_f_string_that_cannot_stay_is_refused() -> None:
    first = b'from device.other import y\n\nx = 1\n\n\ndef found():\n    return f"{x}", y\n'
    with pytest.raises(SourceError, match=r"device/first\.py has x in an f-string"):
        merged.merged(application(first=first, other=b"x = 2\ny = x\n"))


def test_what_has_no_head_is_left_alone() -> None:
    alone = {"device/first.py": b"x = 1\n", "device/other.py": b"from device.first import x\n"}
    assert merged.merged(alone) == alone


@pytest.mark.parametrize("application", ["node", "gateway"])
def test_every_line_of_an_application_is_found_again(application: str) -> None:
    """By the `.lines` beside the whole, as a board finds it when it tells a crash."""
    found = sources.of_application(application, "pir" if application == "node" else "gateway", {})
    after = merged.merged(found)
    (lines,) = (name for name in after if name.endswith(".lines"))
    whole = after[lines.replace(".lines", ".py")].splitlines()
    index = [row.split() for row in after[lines].decode().splitlines()]
    assert len(index) > 10
    for first, name in index:
        for number, line in enumerate(found[name].splitlines()):
            definition = line.strip().startswith(b"return")
            if definition:
                assert whole[int(first) - 1 + number].strip().startswith(b"return"), name


@pytest.mark.parametrize("application", ["node", "gateway"])
def test_no_module_of_an_application_imports_one_that_is_gone(application: str) -> None:
    found = sources.of_application(application, "pir" if application == "node" else "gateway", {})
    after = merged.merged(found)
    gone = found.keys() - after.keys()
    assert len(gone) > 10
    for name, text in after.items():
        if name.endswith(".py"):
            for module in sources.at_home(sources.imports(name, text), sources.REPOSITORY):
                assert module.replace(".", "/") + ".py" not in gone, name


def test_what_is_compiled_is_smaller_than_its_modules() -> None:
    found = sources.of_application("gateway", "gateway", {})
    compiled = compiler.compiled(found)
    assert len(compiled) < len(found) - 20
    assert ast.parse(compiler.spared(found)["gateway/gateway.py"])
