"""Who is there, who reports whom, and what is taken of what they say."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.mesh_ota.const import GATEWAY_SILENT, NODE_SILENT, NODES_MAX, TREE_MAX
from custom_components.mesh_ota.nodes import NodeRegistry
from custom_components.mesh_ota.status import clean_text, node_id, read_status, read_tree

from .gateway_client import status
from .house import ATTIC, GATEWAY, HALL, OTHER_GATEWAY, PORCH, START


@pytest.fixture
def registry() -> NodeRegistry:
    """One gateway that calls."""
    registry = NodeRegistry()
    registry.add_gateway(GATEWAY, "entry")
    registry.heard_gateway(GATEWAY, START)
    return registry


def say(registry: NodeRegistry, name: str = HALL, heard: Any = 0, **said: Any) -> Any:
    """One node's entry of a report."""
    return registry.report_nodes(GATEWAY, [{"node_id": name, "heard": heard, **said}], START)


def test_a_node_is_there_while_it_stands_in_the_tree(registry: NodeRegistry):
    registry.report_tree(GATEWAY, [[HALL, GATEWAY], [ATTIC, HALL]], START)
    assert (registry.nodes[ATTIC].online, registry.nodes[ATTIC].parent) == (True, HALL)
    seen = registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    assert (registry.nodes[ATTIC].online, registry.nodes[ATTIC].parent) == (False, None)
    assert seen.moved == [ATTIC]


def test_without_a_tree_what_was_heard_counts(registry: NodeRegistry):
    say(registry, status=status())
    assert registry.nodes[HALL].online
    registry.heard_gateway(GATEWAY, START + NODE_SILENT)
    assert registry.silence(START + NODE_SILENT) == ([], [HALL])


def test_in_a_mesh_larger_than_a_tree_may_say_what_was_heard_counts(registry: NodeRegistry):
    tree = [[str(number), GATEWAY] for number in range(1, TREE_MAX + 20)]
    registry.report_tree(GATEWAY, tree, START)
    say(registry, PORCH, status=status())
    assert registry.nodes[PORCH].online


def test_a_silent_gateway_takes_its_nodes_along_and_brings_them_back(registry: NodeRegistry):
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    later = START + GATEWAY_SILENT + timedelta(seconds=1)
    assert registry.silence(later) == ([GATEWAY], [HALL])
    assert not registry.nodes[GATEWAY].online
    assert registry.heard_gateway(GATEWAY, later) == [HALL]
    assert registry.heard_gateway(GATEWAY, later) is None


def test_a_node_is_shown_once_it_has_said_what_it_is(registry: NodeRegistry):
    """Otherwise its entities would be named after a number."""
    assert registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START).new == []
    assert registry.nodes_of(GATEWAY) == []
    assert say(registry, status=status()).new == [HALL]
    assert [node.node_id for node in registry.nodes_of(GATEWAY)] == [HALL]
    assert say(registry, status=status()).new == []


def test_a_node_that_never_says_a_word_is_shown_after_a_while(registry: NodeRegistry):
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    assert registry.introduce(START + timedelta(seconds=10)) == []
    assert registry.introduce(START + NODE_SILENT) == [HALL]
    assert registry.introduce(START + NODE_SILENT) == []


def test_a_stock_nodes_type_is_learned_from_what_it_asks_for(registry: NodeRegistry):
    say(registry, ATTIC, asks_for={"role": "dht", "hardware": "ESP32"})
    node = registry.nodes[ATTIC]
    assert (node.node_type, node.hardware, node.stock) == ("dht", "ESP32", True)


def test_what_one_of_ours_asks_for_at_level_0_adds_nothing(registry: NodeRegistry):
    say(registry, status=status())
    say(registry, asks_for={"role": "led", "hardware": "ESP32"})
    assert (registry.nodes[HALL].node_type, registry.nodes[HALL].stock) == ("pir", False)


@pytest.mark.parametrize(
    "asks_for", [None, [], {}, {"role": "pir"}, {"role": "PIR", "hardware": "x"}]
)
def test_a_malformed_request_teaches_nothing(registry: NodeRegistry, asks_for: Any):
    say(registry, asks_for=asks_for)
    assert HALL not in registry.nodes


def test_a_node_goes_to_the_gateway_that_sees_it_once_the_first_does_not(registry: NodeRegistry):
    registry.add_gateway(OTHER_GATEWAY, "other")
    registry.heard_gateway(OTHER_GATEWAY, START)
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    registry.report_tree(OTHER_GATEWAY, [[HALL, OTHER_GATEWAY]], START)
    assert registry.nodes[HALL].gateway_id == GATEWAY
    registry.report_tree(GATEWAY, [], START)
    registry.report_tree(OTHER_GATEWAY, [[HALL, OTHER_GATEWAY]], START)
    assert registry.nodes[HALL].gateway_id == OTHER_GATEWAY


def test_a_gateway_in_another_ones_mesh_stays_a_gateway(registry: NodeRegistry):
    registry.add_gateway(OTHER_GATEWAY, "other")
    registry.report_tree(GATEWAY, [[OTHER_GATEWAY, GATEWAY]], START)
    say(registry, OTHER_GATEWAY, status=status())
    node = registry.nodes[OTHER_GATEWAY]
    assert (node.gateway_id, node.node_type) == (OTHER_GATEWAY, "gateway")


def test_an_error_that_is_no_longer_said_is_no_longer_there(registry: NodeRegistry):
    error = {"md5": "ab" * 16, "code": "space", "reason": "full"}
    say(registry, status=status(error=error, damaged="node/app.mpy"))
    assert registry.nodes[HALL].error.as_dict() == error
    say(registry, status=status())
    assert (registry.nodes[HALL].error, registry.nodes[HALL].damaged) == (None, None)


def test_a_proof_that_is_no_longer_said_is_no_proof(registry: NodeRegistry):
    say(registry, status=status())
    say(registry, status=status(proof="short"))
    assert registry.nodes[HALL].proof is None


def test_what_is_stored_is_known_again_and_away(registry: NodeRegistry):
    last = {"tag": "t-1", "proof": "ab" * 32, "outcome": "confirmed", "reason": ""}
    error = {"md5": "ab" * 16, "code": "space", "reason": "full"}
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    say(registry, status=status(last=last, error=error, other={"proof": "cd" * 32, "version": "1"}))
    again = NodeRegistry()
    again.restore(registry.stored())
    node = again.nodes[HALL]
    assert again.stored() == registry.stored()
    assert (node.online, node.last.tag, node.last_heard) == (False, "t-1", START)


def test_a_forgotten_gateway_takes_its_nodes_along(registry: NodeRegistry):
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    assert registry.remove_gateway(GATEWAY, forget=False) == [GATEWAY, HALL]
    assert not registry.nodes[HALL].online
    registry.remove_gateway(GATEWAY, forget=True)
    assert registry.nodes == {}


@pytest.mark.parametrize("heard", [-1, "5", 1e9, True, 10**10, None])
def test_a_wild_time_is_no_time(registry: NodeRegistry, heard: Any):
    say(registry, heard=heard, status=status())
    assert registry.nodes[HALL].last_heard is None


@pytest.mark.parametrize(
    "value",
    ["0", "", "01", "-1", "4294967296", "1" * 40, " 1", "1\n", "\uff11", 1, None, True, ["1"]],
)
def test_what_is_no_node_id(value: Any):
    assert node_id(value) is None


def test_the_largest_node_id_is_one():
    assert node_id("4294967295") == "4294967295"


def test_only_well_formed_links_make_a_tree():
    tree = [
        [HALL, GATEWAY],
        [HALL],
        [HALL, HALL],
        "x",
        [1, 2],
        [ATTIC, None],
        {},
        [ATTIC, HALL, PORCH],
    ]
    assert read_tree(tree) == {HALL: GATEWAY}
    assert read_tree({"a": "b"}) == {}
    assert len(read_tree([[str(n), GATEWAY] for n in range(1, 500)])) == TREE_MAX


def test_texts_are_cut_and_cleaned():
    assert clean_text("a\x00b\x1b[31m\u202ec", 30) == "ab[31mc"
    assert clean_text("x" * 40, 30) == "x" * 30
    assert clean_text(5, 30) is None


def test_a_body_that_is_no_status_says_nothing():
    for body in (None, [], "x", {}, 5):
        assert read_status(body) == {}


def test_a_node_that_passed_by_without_a_word_is_forgotten(registry: NodeRegistry):
    """Anybody in the mesh can make up node ids."""
    registry.report_tree(GATEWAY, [[HALL, GATEWAY]], START)
    registry.report_tree(GATEWAY, [], START)
    assert registry.introduce(START + NODE_SILENT) == []
    assert HALL not in registry.nodes


def test_made_up_node_ids_do_not_fill_the_memory(registry: NodeRegistry):
    for batch in range(0, 2000, 50):
        tree = [[str(number), GATEWAY] for number in range(batch + 1, batch + 51)]
        registry.report_tree(GATEWAY, tree, START)
    assert len(registry.nodes) <= NODES_MAX + 1
