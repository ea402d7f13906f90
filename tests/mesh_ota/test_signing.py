"""Signed firmware in Home Assistant: off by default, signed in order, changed, and gone back from."""

from base64 import b64decode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.signing import next_counter
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError

from .conftest import Upload
from .gateway_client import GatewayClient

NODE, OTHER = "2222222222", "3333333333"

pytestmark = pytest.mark.usefixtures("checked_translations")


async def call(hass: HomeAssistant, action: str, **fields: Any) -> dict[str, Any]:
    """Call an action and return its answer."""
    return await hass.services.async_call(
        DOMAIN, action, fields, blocking=True, return_response=True
    )


async def turn(hass: HomeAssistant, entry: MockConfigEntry, on: bool) -> dict[str, Any]:
    """What a user does in the options."""
    options = hass.config_entries.options
    flow = await options.async_init(entry.entry_id)
    flow = await options.async_configure(flow["flow_id"], {"next_step_id": "signing"})
    assert flow["step_id"] == "signing"
    done = await options.async_configure(flow["flow_id"], {"sign_firmware": on})
    assert done["type"] is FlowResultType.ABORT
    await hass.async_block_till_done()
    return done


def holds(modulus: str, sig: str, *lines: Any) -> bool:
    """Whether the key has signed these lines."""
    public = rsa.RSAPublicNumbers(65537, int.from_bytes(b64decode(modulus))).public_key()
    text = "\n".join(str(line) for line in lines).encode()
    try:
        public.verify(b64decode(sig), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def lines(firmware: dict[str, Any], counter: int) -> list[Any]:
    """The text of docs/mesh-protocol.md §8, after its title."""
    return [
        firmware["node_type"],
        firmware["version"],
        "ESP32-MPY",
        firmware["kind"],
        firmware["size_bytes"],
        firmware["sha256"],
        counter,
    ]


async def pending(caller: GatewayClient) -> dict[str, Any]:
    """The one job in the gateway's list."""
    (job,) = (await caller.pending()).json["jobs"]
    return job


@pytest.fixture
async def node(hass: HomeAssistant, caller: GatewayClient) -> None:
    """A node of type pir."""
    await caller.report_node(NODE)
    await hass.async_block_till_done()


async def test_nothing_is_signed_until_it_is_turned_on(
    hass: HomeAssistant, node: None, caller: GatewayClient, upload: Upload, hub: MeshOta
):
    firmware = await upload("pir", "1.1.0")
    await call(hass, "create_job", firmware_id=firmware["id"])
    job = await pending(caller)
    assert (job["counter"], job["sig"]) == (0, "")
    assert hub.signer.modulus == ""


async def test_the_list_carries_a_signature_over_what_the_node_will_see(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    node: None,
    caller: GatewayClient,
    upload: Upload,
    hub: MeshOta,
):
    firmware = await upload("pir", "1.1.0")
    assert (await turn(hass, paired, True))["reason"] == "signing_on"
    await call(hass, "create_job", firmware_id=firmware["id"])
    job = await pending(caller)
    assert len(job["sig"]) == 512
    assert "floor" not in job
    assert holds(
        hub.signer.modulus, job["sig"], "mesh-ota firmware 1", *lines(firmware, job["counter"])
    )


async def test_counters_follow_the_order_in_which_firmware_came_not_that_of_the_jobs(
    hass: HomeAssistant, paired: MockConfigEntry, upload: Upload, hub: MeshOta
):
    """Else the first job of an old version would put it above the new one."""
    first = await upload("pir", "1.1.0")
    second = await upload("pir", "1.2.0")
    await turn(hass, paired, True)
    third = await upload("pir", "1.3.0")
    await hub.async_create_job(third["id"])
    await hub.async_create_job(first["id"])
    signed = [hub.signer.signature_of(row["id"]) for row in (first, second, third)]
    counters = [each.counter for each in signed if each]
    assert len(counters) == 3
    assert counters == sorted(set(counters))


def test_a_counter_is_above_the_last_one_and_not_below_the_clock():
    assert next_counter(0, 1_795_436_000.9) == 1_795_436_000
    assert next_counter(1_795_436_000, 1_795_436_000) == 1_795_436_001
    assert next_counter(4_000_000_000, 1_795_436_000) == 4_000_000_001


async def test_turning_it_on_signs_the_jobs_that_are_open(
    hass: HomeAssistant, paired: MockConfigEntry, node: None, caller: GatewayClient, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    await call(hass, "create_job", firmware_id=firmware["id"])
    before = (await caller.pending()).json["revision"]
    await turn(hass, paired, True)
    assert (await pending(caller))["sig"]
    assert (await caller.pending()).json["revision"] > before
    await turn(hass, paired, False)
    assert (await pending(caller))["sig"] == ""


async def test_diagnostics_say_who_signs_and_who_demands_it_and_hold_no_private_key(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    hass_client: ClientSessionGenerator,
    hub: MeshOta,
):
    await turn(hass, paired, True)
    await caller.report_node(NODE, signing=True, key=hub.signer.key_id, floor=5)
    await hass.async_block_till_done()
    found = await get_diagnostics_for_config_entry(hass, hass_client, paired)
    assert found["signing"]["enabled"] is True
    assert found["signing"]["key_id"] == hub.signer.key_id
    node = next(each for each in found["nodes"] if each["node_id"] == NODE)
    assert (node["signing"], node["signing_key"], node["floor"]) == (True, hub.signer.key_id, 5)
    assert "PRIVATE" not in str(found)


async def test_an_entity_says_whether_a_node_takes_signed_firmware_only(
    hass: HomeAssistant, paired: MockConfigEntry, caller: GatewayClient
):
    await caller.report_node(NODE, signing=False)
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("binary_sensor")
    assert state.state == "off"
    await caller.report_node(NODE, signing=True, key="0123456789abcdef", floor=0)
    await hass.async_block_till_done()
    (state,) = hass.states.async_all("binary_sensor")
    assert state.state == "on"


# ---- downgrades


async def test_a_downgrade_is_signed_for_one_node_under_a_counter_of_its_own(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    node: None,
    caller: GatewayClient,
    upload: Upload,
    hub: MeshOta,
):
    old = await upload("pir", "0.9.0")
    new = await upload("pir", "1.1.0")
    await turn(hass, paired, True)
    ordinary = [hub.signer.signature_of(row["id"]) for row in (old, new)]
    assert ordinary[0]
    assert ordinary[1]
    await call(
        hass,
        "create_job",
        firmware_id=old["id"],
        target_node_ids=[NODE],
        sign_downgrade=True,
    )
    job = await pending(caller)
    assert job["counter"] > ordinary[1].counter
    assert job["floor"] == ordinary[0].counter
    text = [*lines(old, job["counter"]), job["floor"], NODE]
    assert holds(hub.signer.modulus, job["sig"], "mesh-ota downgrade 1", *text)
    assert not holds(hub.signer.modulus, job["sig"], "mesh-ota firmware 1", *text[:7])


@pytest.mark.parametrize("target", [{}, {"target_node_ids": [NODE, OTHER]}])
async def test_a_downgrade_of_many_nodes_is_refused(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    node: None,
    caller: GatewayClient,
    upload: Upload,
    target: dict[str, Any],
):
    await caller.report_node(OTHER)
    firmware = await upload("pir", "0.9.0")
    await turn(hass, paired, True)
    with pytest.raises(ServiceValidationError, match="one node"):
        await call(hass, "create_job", firmware_id=firmware["id"], sign_downgrade=True, **target)
    assert (await caller.pending()).json["jobs"] == []


async def test_a_downgrade_is_not_signed_while_signing_is_off(
    hass: HomeAssistant, node: None, upload: Upload
):
    firmware = await upload("pir", "0.9.0")
    with pytest.raises(ServiceValidationError, match="not signed here"):
        await call(
            hass,
            "create_job",
            firmware_id=firmware["id"],
            target_node_ids=[NODE],
            sign_downgrade=True,
        )


# ---- the next key


async def test_a_node_with_the_key_before_is_listed_the_change_and_one_with_the_new_is_not(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    upload: Upload,
    hub: MeshOta,
):
    firmware = await upload("pir", "1.1.0")
    await turn(hass, paired, True)
    before, old_id = hub.signer.modulus, hub.signer.key_id
    counter = hub.signer.signature_of(firmware["id"])
    assert counter
    await caller.report_node(NODE, signing=True, key=old_id, floor=0)
    await call(hass, "create_job", firmware_id=firmware["id"])
    assert "keys" not in (await caller.pending()).json
    await call(hass, "rotate_signing_key")
    answer = (await caller.pending()).json
    (change,) = answer["keys"]
    assert change["from"] == old_id
    assert change["modulus"] == hub.signer.modulus != before
    assert holds(before, change["sig"], "mesh-ota key 1", change["modulus"])
    (job,) = answer["jobs"]
    assert job["counter"] == counter.counter
    assert holds(
        hub.signer.modulus, job["sig"], "mesh-ota firmware 1", *lines(firmware, job["counter"])
    )
    await caller.report_node(NODE, signing=True, key=hub.signer.key_id, floor=0)
    assert "keys" not in (await caller.pending()).json


async def test_going_back_lists_an_order_without_an_image(
    hass: HomeAssistant, caller: GatewayClient, paired: MockConfigEntry
):
    other = {"proof": "ab" * 32, "version": "0.9.0"}
    await caller.report_node(NODE, other=other)
    await hass.async_block_till_done()
    (made,) = (await call(hass, "go_back", target_node_ids=[NODE]))["jobs"]
    job = await pending(caller)
    assert made["mode"] == job["mode"] == "flip"
    assert job["proof"] == other["proof"]
    assert job["md5"] == other["proof"][:32]
    assert (job["firmware_id"], job["size"], job["num_parts"]) == (0, 0, 0)
    assert job["targets"] == [{"node_id": NODE, "attempt": 1}]


@pytest.mark.parametrize("node_id", [NODE, "4444444444"])
async def test_going_back_to_nothing_or_of_nobody_is_refused_with_a_sentence(
    hass: HomeAssistant, node: None, node_id: str
):
    with pytest.raises(ServiceValidationError, match=node_id):
        await call(hass, "go_back", target_node_ids=[node_id])
