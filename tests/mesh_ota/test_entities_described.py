"""Each entity says in words what it is and in which state: nothing is shown by its bare key."""

import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .conftest import GATEWAY_ID
from .gateway_client import GatewayClient
from .translation_check import COMPONENT, english

NODE, SECOND = "2222222222", "3333333333"
ICONS = json.loads((COMPONENT / "icons.json").read_text())["entity"]


@pytest.fixture
async def entities(
    hass: HomeAssistant,
    caller: GatewayClient,
    paired: MockConfigEntry,
    entity_registry: er.EntityRegistry,
) -> list[er.RegistryEntry]:
    """All that a house with two nodes of one type has, the disabled ones too."""
    await caller.report(tree=[[NODE, GATEWAY_ID], [SECOND, NODE]])
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    await hass.async_block_till_done()
    return er.async_entries_for_config_entry(entity_registry, paired.entry_id)


def described(entity: er.RegistryEntry) -> dict[str, Any]:
    """Its English texts."""
    return english()["entity"][entity.domain][entity.translation_key]


async def test_every_entity_has_a_name_of_its_own_or_that_of_its_device_class(
    entities: list[er.RegistryEntry],
):
    for entity in entities:
        assert entity.has_entity_name, entity.entity_id
        if entity.translation_key is None:
            assert entity.original_device_class, entity.entity_id
        else:
            assert described(entity)["name"], entity.entity_id


async def test_every_text_and_icon_belongs_to_an_entity(entities: list[er.RegistryEntry]):
    """One that is left over was renamed on one side only."""
    used = {(each.domain, each.translation_key) for each in entities if each.translation_key}
    texts = {(domain, key) for domain, keys in english()["entity"].items() for key in keys}
    icons = {(domain, key) for domain, keys in ICONS.items() for key in keys}
    assert texts == used
    assert icons <= used


async def test_an_entity_without_an_icon_has_that_of_its_device_class(
    entities: list[er.RegistryEntry],
):
    for entity in entities:
        drawn = entity.translation_key in ICONS.get(entity.domain, {})
        assert drawn or entity.original_device_class, entity.entity_id


async def test_every_state_that_is_a_word_is_translated(entities: list[er.RegistryEntry]):
    found = [each for each in entities if (each.capabilities or {}).keys() & KEYS_OF_WORDS.keys()]
    assert {each.domain for each in found} == {"event", "sensor"}
    for entity in found:
        for name, read in KEYS_OF_WORDS.items():
            if words := entity.capabilities.get(name):
                assert set(words) == read(described(entity)).keys(), entity.entity_id


KEYS_OF_WORDS = {
    "options": lambda texts: texts["state"],
    "event_types": lambda texts: texts["state_attributes"]["event_type"]["state"],
}
"""Capability of an entity: where its words are translated."""


async def test_unique_ids_begin_with_the_node_and_name_no_domain(
    entities: list[er.RegistryEntry],
):
    for entity in entities:
        assert entity.unique_id.split("-")[0] in (GATEWAY_ID, NODE, SECOND), entity.entity_id
        assert "mesh_ota" not in entity.unique_id


async def test_what_a_node_says_of_itself_is_diagnostic(entities: list[er.RegistryEntry]):
    """What one acts on stands first on a device's page."""
    found = {(each.domain, str(each.entity_category)) for each in entities}
    assert found == {
        ("binary_sensor", "diagnostic"),
        ("event", "None"),
        ("sensor", "diagnostic"),
        ("update", "config"),
    }
