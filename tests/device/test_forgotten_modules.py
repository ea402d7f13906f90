"""What is loaded for its moment only does not stay in a board's heap: each such module is on a list that unloads it."""

import ast
from collections.abc import Iterator

import pytest

from scripts.firmware import sources

# Loaded late, and needed from then on to the end of the boot.
KEPT = {
    "node": {
        "device.slots": "what updates are made of",
        "device.incoming": "the same",
        "device.flash_files": "the same",
        "device.slot_state": "the same",
        "device.image_slots": "the same of a board that takes images",
        "device.image_incoming": "the same",
        "device.partitions": "the same",
        "device.esp_image": "the same: it loads nothing of a bundle",
        "node.signed_only": "of a node that takes signed firmware only",
        "node.push_button": "of a role with a button",
        # Forgotten by hand: its package would load it again if it were asked whether it has it.
        "painlessmesh.ota_receiver": "until an image has arrived",
    },
    "gateway": {
        "gateway.tls": "of a connection to an https address",
        "painlessmesh.ota_ahead": "of a gateway with nodes that take parts out of order",
        "device.partitions": "of a board with two partitions, which it asks at its start",
        # In the boot that carries out an order, and ends with a restart.
        "device.slots": "what an image is unpacked with",
        "painlessmesh.ota_target": "as long as there are nodes that take parts in order only",
        "device.image_slots": "never: a gateway takes bundles only",
        "device.esp_image": "never",
    },
}
APPLICATIONS = (("node", "pir"), ("node", "button"), ("gateway", "gateway"))


def dotted(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Application:
    def __init__(self, application: str, node_type: str) -> None:
        self.start = f"{application}.app"
        self.kept = KEPT[application].keys()
        found = sources.of_application(application, node_type, {})
        self.trees = {
            dotted(name): ast.parse(text) for name, text in found.items() if name.endswith(".py")
        }
        more = f"roles.{node_type}" if application == "node" else "gateway.gateway"
        self.resident = self.closure([self.start, more])

    def closure(self, starts: list[str]) -> set[str]:
        """These modules and what they import as they are loaded."""
        found: set[str] = set()
        while starts:
            name = starts.pop()
            if name not in found:
                found.add(name)
                starts += self.imported(name, self.trees[name].body)
        return found

    def imported(self, name: str, statements: list[ast.stmt]) -> set[str]:
        text = "\n".join(
            ast.unparse(one) for one in statements if isinstance(one, ast.Import | ast.ImportFrom)
        )
        path = name.replace(".", "/") + ".py"
        names = sources.at_home(sources.imports(path, text.encode()), sources.REPOSITORY)
        return {one for one in names if one in self.trees}

    def late(self) -> set[str]:
        """What is loaded by an import inside a function, with what that imports, however deep."""
        found: set[str] = set()
        for name, tree in self.trees.items():
            inside = [
                node
                for statement in tree.body
                if not isinstance(statement, ast.Import | ast.ImportFrom)
                for node in ast.walk(statement)
            ]
            found |= self.imported(name, inside)
        return self.closure(list(found)) - self.resident

    def lists(self) -> Iterator[tuple[str, set[str]]]:
        """What each `forget` is called with, and the name of that, where it has one."""
        for name, tree in self.trees.items():
            named = {
                ast.unparse(statement.targets[0]): statement.value
                for statement in tree.body
                if isinstance(statement, ast.Assign)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "forget":
                    said = ast.unparse(node.args[0])
                    given = ast.literal_eval(named.get(said, node.args[0]))
                    yield f"{name}.{said}" if said in named else "", set(given)


@pytest.fixture(params=APPLICATIONS, ids=" ".join)
def application(request) -> Application:
    return Application(*request.param)


def test_what_is_loaded_late_is_forgotten_or_needed_to_the_end(application):
    forgotten = set().union(*(given for _, given in application.lists()))
    assert application.late() - forgotten - application.kept == set()
    assert len(application.late()) > 20


def test_a_list_has_all_that_its_modules_load(application):
    """Else a part of them stays; and where both load it, two classes of one name, such as ImageError, would meet."""
    named = [(name, given) for name, given in application.lists() if name]
    assert len(named) >= 2
    # These let go of it by a list of its own, unless an update has begun meanwhile.
    apart = {
        "gateway.own_trial.LOADED": {"device.image"},
        "gateway.own_key.LOADED": {"device.image"},
    }
    for name, found in named:
        given = found | apart.get(name, set())
        left = application.closure(list(given)) - given - application.resident - application.kept
        assert left == set() or name.startswith(tuple(application.kept)), name


def test_only_what_there_is_and_what_is_not_needed_all_the_time_is_forgotten(application):
    for name, given in application.lists():
        assert given - application.trees.keys() == set(), name
        assert given & application.resident == set(), name
