"""The actions, called as an automation or a user calls them: whom they are for, who may, what they answer."""

from typing import Any

import pytest
import voluptuous as vol
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.services import ACTIONS, Action
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import device_registry as dr

from .gateway_client import GatewayClient

NODE = "2222222222"
SECOND = "3333333333"


async def call(
    hass: HomeAssistant, action: str, user: User | None = None, **fields: Any
) -> dict[str, Any]:
    """Call the action and return its answer."""
    context = Context(user_id=user.id) if user else Context()
    return await hass.services.async_call(
        DOMAIN, action, fields, blocking=True, return_response=True, context=context
    )


@pytest.fixture
async def two_nodes(hass: HomeAssistant, caller: GatewayClient) -> None:
    """Two nodes of type pir on version 1.0.0."""
    await caller.report_node(NODE)
    await caller.report_node(SECOND, name="attic")
    await hass.async_block_till_done()


async def test_create_job_answers_with_the_job(hass: HomeAssistant, two_nodes: None, upload: Any):
    """Without a target it is for every node of the firmware's type."""
    firmware = await upload("pir", "1.1.0")
    job = await call(hass, "create_job", firmware_id=firmware["id"])
    assert job["firmware_id"] == firmware["id"]
    assert job["status"] == "pending"
    assert {row["node_id"] for row in job["nodes"]} == {NODE, SECOND}


@pytest.mark.parametrize("target", ["target_node_ids", "device_id"])
async def test_create_job_for_one_of_two_leaves_the_other_alone(
    hass: HomeAssistant,
    two_nodes: None,
    upload: Any,
    device_registry: dr.DeviceRegistry,
    paired: MockConfigEntry,
    target: str,
):
    """Node id or device: both name the one node."""
    firmware = await upload("pir", "1.1.0")
    device = device_registry.async_get_device_by_identifier((DOMAIN, NODE), paired.entry_id)
    assert device is not None
    value = {"target_node_ids": [NODE], "device_id": [device.id]}[target]
    job = await call(hass, "create_job", firmware_id=firmware["id"], **{target: value})
    assert [row["node_id"] for row in job["nodes"]] == [NODE]


async def test_cancel_job_answers_with_the_cancelled_job(
    hass: HomeAssistant, two_nodes: None, upload: Any, caller: GatewayClient
):
    """And the gateway no longer sees it."""
    firmware = await upload("pir", "1.1.0")
    job = await call(hass, "create_job", firmware_id=firmware["id"])
    cancelled = await call(hass, "cancel_job", job_id=job["id"])
    assert cancelled["status"] == "cancelled"
    assert (await caller.pending()).json["jobs"] == []


async def test_actions_work_without_asking_for_the_answer(
    hass: HomeAssistant, two_nodes: None, upload: Any
):
    """The answer is optional."""
    firmware = await upload("pir", "1.1.0")
    await hass.services.async_call(
        DOMAIN, "create_job", {"firmware_id": firmware["id"]}, blocking=True
    )


async def test_unknown_things_are_refused_with_a_sentence(hass: HomeAssistant, two_nodes: None):
    """Whoever asked is told what does not exist, without a stack trace."""
    for action, fields in (
        ("create_job", {"firmware_id": 99}),
        ("cancel_job", {"job_id": 99}),
        ("create_job", {"firmware_id": 1, "device_id": ["no such device"]}),
    ):
        with pytest.raises(ServiceValidationError) as raised:
            await call(hass, action, **fields)
        assert raised.value.translation_domain == DOMAIN
        assert str(raised.value) != raised.value.translation_key


async def test_a_device_of_another_integration_is_refused(
    hass: HomeAssistant, two_nodes: None, device_registry: dr.DeviceRegistry
):
    """Picked by hand in YAML; the selector would not have offered it."""
    other = MockConfigEntry(domain="hue")
    other.add_to_hass(hass)
    device = device_registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("hue", "lamp")}, name="Lamp"
    )
    with pytest.raises(ServiceValidationError, match="not a node or gateway"):
        await call(hass, "create_job", firmware_id=1, device_id=[device.id])


async def test_an_unknown_node_is_refused(hass: HomeAssistant, two_nodes: None, upload: Any):
    """A job for a node that nobody has seen would wait for ever."""
    firmware = await upload("pir", "1.1.0")
    with pytest.raises(ServiceValidationError):
        await call(hass, "create_job", firmware_id=firmware["id"], target_node_ids=["7"])


async def test_two_kinds_of_target_are_a_contradiction(hass: HomeAssistant, two_nodes: None):
    """The schema says no before anything is looked up."""
    with pytest.raises(vol.Invalid):
        await call(
            hass, "create_job", firmware_id=1, target_node_ids=[NODE], target_node_type="pir"
        )


@pytest.mark.parametrize(
    ("action", "fields"), [("create_job", {"firmware_id": 1}), ("cancel_job", {"job_id": 1})]
)
async def test_only_administrators_may_change_firmware(
    hass: HomeAssistant,
    two_nodes: None,
    hass_read_only_user: User,
    action: str,
    fields: dict[str, Any],
):
    """A user who may switch lights may not flash the house."""
    with pytest.raises(Unauthorized):
        await call(hass, action, hass_read_only_user, **fields)


async def test_an_administrator_is_noted_as_the_one_who_did_it(
    hass: HomeAssistant, two_nodes: None, upload: Any, hass_admin_user: User
):
    """History says who started what."""
    firmware = await upload("pir", "1.1.0")
    job = await call(hass, "create_job", hass_admin_user, firmware_id=firmware["id"])
    assert job["actor"] == hass_admin_user.id
    nobody = await call(hass, "create_job", firmware_id=firmware["id"])
    assert nobody["actor"] is None


@pytest.mark.parametrize("target", ["area_id", "label_id"])
async def test_create_job_for_a_place_means_the_nodes_of_the_type_that_are_there(
    hass: HomeAssistant,
    two_nodes: None,
    caller: GatewayClient,
    upload: Any,
    device_registry: dr.DeviceRegistry,
    paired: MockConfigEntry,
    target: str,
):
    """Not the lamp beside them, nor a node of another type, nor a node elsewhere."""
    await caller.report_node("4000000000", type="dht", name="porch")
    await hass.async_block_till_done()
    firmware = await upload("pir", "1.1.0")
    other = MockConfigEntry(domain="hue")
    other.add_to_hass(hass)
    lamp = device_registry.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("hue", "lamp")}
    )
    ours = [
        device_registry.async_get_device_by_identifier((DOMAIN, node_id), paired.entry_id)
        for node_id in (NODE, "4000000000")
    ]
    for device in (lamp, *ours):
        assert device is not None
        if target == "area_id":
            device_registry.async_update_device(device.id, area_id="hall")
        else:
            device_registry.async_update_device(device.id, labels={"hall"})
    job = await call(hass, "create_job", firmware_id=firmware["id"], **{target: ["hall", "hall"]})
    assert [row["node_id"] for row in job["nodes"]] == [NODE]


async def test_a_place_where_nobody_is_makes_no_job(
    hass: HomeAssistant, two_nodes: None, upload: Any
):
    """Least of all one for every node of the type."""
    firmware = await upload("pir", "1.1.0")
    with pytest.raises(ServiceValidationError):
        await call(hass, "create_job", firmware_id=firmware["id"], area_id=["nowhere"])
    assert (await call(hass, "list_jobs"))["jobs"] == []


FIELDS: dict[str, dict[str, Any]] = {
    "create_job": {"firmware_id": 1},
    "delete_firmware": {"firmware_id": 1},
    "go_back": {"target_node_ids": [NODE]},
    "set_policy": {"node_type": "pir", "auto_update": True},
    "upload_firmware": {"path": "/media/pir.tar"},
}
"""What each action needs; those that are not here, a job or nothing."""


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_whoever_is_no_administrator_changes_nothing(
    hass: HomeAssistant,
    two_nodes: None,
    upload: Any,
    hass_read_only_user: User,
    action: Action,
):
    """Every action of the table: refused before it is even looked at, or one that only tells."""
    await upload("pir", "1.1.0")
    if action.for_everybody:
        before = await call(hass, action.name)
        assert await call(hass, action.name, hass_read_only_user) == before
        return
    job = {"job_id": 1} if action.name.endswith("_job") else {}
    with pytest.raises(Unauthorized):
        await call(hass, action.name, hass_read_only_user, **FIELDS.get(action.name, job))


OTHER_SLOT = {"proof": "ab" * 32, "version": "0.9.0"}


@pytest.mark.parametrize(
    "target", ["area_id", "label_id", "target_node_type", "device_id", "target_node_ids"]
)
async def test_go_back_means_whoever_is_meant_and_can(
    hass: HomeAssistant,
    caller: GatewayClient,
    device_registry: dr.DeviceRegistry,
    paired: MockConfigEntry,
    target: str,
):
    """Of a place or a type those that have something to go back to, and nobody else in the house."""
    await caller.report_node(NODE, other=OTHER_SLOT)
    await caller.report_node(SECOND, name="attic")
    await caller.report_node("4000000000", type="dht", name="porch", other=OTHER_SLOT)
    await hass.async_block_till_done()
    ids = {}
    for node_id in (NODE, SECOND):
        device = device_registry.async_get_device_by_identifier((DOMAIN, node_id), paired.entry_id)
        assert device is not None
        ids[node_id] = device.id
        device_registry.async_update_device(device.id, area_id="hall", labels={"hall"})
    value = {
        "area_id": ["hall"],
        "label_id": ["hall"],
        "target_node_type": "pir",
        "device_id": [ids[NODE]],
        "target_node_ids": [NODE],
    }[target]
    jobs = (await call(hass, "go_back", **{target: value}))["jobs"]
    assert [[row["node_id"] for row in job["nodes"]] for job in jobs] == [[NODE]]


@pytest.mark.parametrize(
    "fields",
    [
        {"target_node_ids": [NODE, SECOND]},
        {"target_node_ids": [NODE, "4444444444"]},
        {"target_node_type": "led"},
        {"area_id": ["nowhere"]},
    ],
)
async def test_go_back_of_one_who_cannot_touches_nobody(
    hass: HomeAssistant, caller: GatewayClient, fields: dict[str, Any]
):
    """A list is done whole or not at all."""
    await caller.report_node(NODE, other=OTHER_SLOT)
    await caller.report_node(SECOND, name="attic")
    with pytest.raises(ServiceValidationError):
        await call(hass, "go_back", **fields)
    assert (await call(hass, "list_jobs"))["jobs"] == []


async def test_go_back_wants_to_know_of_whom(hass: HomeAssistant, paired: MockConfigEntry):
    """Least of all is it for every node."""
    with pytest.raises(vol.Invalid):
        await call(hass, "go_back")
