"""Signed firmware with everything real: Home Assistant signs, the gateway hands on, boards with the key decide."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import esp_image, firmware
from simulator.bootloader import Board
from tests.end_to_end.house import House, fresh_version
from tests.end_to_end.small_house import near, small_house

pytestmark = pytest.mark.long

UNSIGNED = "The firmware is not signed, and this node takes signed firmware only."
STRANGE = "The firmware was not signed by this node's key, or not for this node."
OLD = "The firmware was signed before the one confirmed here"
SECONDS = 120
LONG_PRESS_SECONDS = 11


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The desk, the garage (an esp-image) and the gateway believe Home Assistant's key, the kitchen a stranger's."""
    plan = near("desk", "kitchen", "garage")
    async with small_house(tmp_path_factory.mktemp("signed"), plan) as house:
        garage = house.mesh.nodes["garage"]
        await garage.stop()
        image = await asyncio.to_thread(esp_image.application, "pir", "1.0.0")
        firmware.put_image_into_service(garage.folder, image)
        await turn_signing(house, on=True)
        modulus = await public_key(house)
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        other = b64encode(stranger.public_key().public_numbers().n.to_bytes(384)).decode()
        keys = {"desk": modulus, "garage": modulus, "gateway": modulus, "kitchen": other}
        await asyncio.gather(*(give_key(board, keys[board.name]) for board in house.mesh.boards))
        for name in keys:
            await house.until(lambda name=name: house.node(name), lambda node: node["signing"], 60)
        yield house


async def give_key(board: Board, modulus: str) -> None:
    """By cable, the only way for the first one."""
    await board.stop()
    path = board.flash / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signing_key": modulus}))
    await board.start()


async def options(house: House, *steps: dict[str, Any]) -> dict[str, Any]:
    """Go through the options of the gateway's entry; the last form or result."""
    entries = await house.client.call("GET", "/api/config/config_entries/entry?domain=mesh_ota")
    path = "/api/config/config_entries/options/flow"
    step = await house.client.call("POST", path, {"handler": entries[0]["entry_id"]})
    for said in steps:
        step = await house.client.call("POST", f"{path}/{step['flow_id']}", said)
    if step["type"] == "form":
        await house.client.call("DELETE", f"{path}/{step['flow_id']}")
    return dict(step)


async def turn_signing(house: House, *, on: bool) -> None:
    ended = await options(house, {"next_step_id": "signing"}, {"sign_firmware": on})
    assert ended["reason"] == ("signing_on" if on else "signing_off")


async def public_key(house: House) -> str:
    form = await options(house, {"next_step_id": "signing"})
    modulus: str = form["description_placeholders"]["public_key"]
    return modulus


async def new_firmware(house: House, name: str) -> dict[str, Any]:
    """As `House.new_firmware`, of the kind that the board takes."""
    version = fresh_version()
    if name == "gateway":
        content = await asyncio.to_thread(firmware.of_gateway, version, STEADY=1)
        return await house.stage.upload("gateway", version, content)
    if name != "garage":
        return await house.new_firmware(name)
    content = await asyncio.to_thread(firmware.image_with_new_behaviour, "pir", version)
    path = house.stage.folder / f"pir-{version}.bin"
    path.write_bytes(content)
    return await house.client.upload(path, node_type="pir", version=version, is_stable="false")


async def installed(house: House, name: str) -> dict[str, Any]:
    """A fresh signed firmware, installed and proved; its row in the library."""
    uploaded = await new_firmware(house, name)
    row = await outcome(house, uploaded, name)
    assert row["status"] == "completed", row
    node = await house.node(name)
    assert node["proof"] == uploaded["proof"]
    assert node["floor"] > 0
    return uploaded


async def outcome(house: House, uploaded: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    body = {"firmware_id": uploaded["id"], "target_node_id": house.node_id(name)} | more
    job = await house.client.mesh("POST", "ota/updates", body)
    return dict((await house.ended(job, SECONDS))["nodes"][0])


async def refused(house: House, uploaded: dict[str, Any], name: str, sentence: str) -> None:
    before = await house.node(name)
    row = await outcome(house, uploaded, name)
    assert row["status"] == "failed", row
    assert (row["reason"], row["current_part"]) == ("signature", 0)
    assert sentence in row["error_message"]
    after = await house.node(name)
    assert (after["proof"], after["floor"]) == (before["proof"], before["floor"])


BELIEVERS = ("desk", "garage", "gateway")


async def test_unsigned_firmware_is_refused_with_a_reason_and_signed_firmware_taken(
    house: House,
) -> None:
    await turn_signing(house, on=False)
    unsigned = [await new_firmware(house, name) for name in BELIEVERS]
    await asyncio.gather(
        *(refused(house, *pair, UNSIGNED) for pair in zip(unsigned, BELIEVERS, strict=True))
    )
    await turn_signing(house, on=True)
    await asyncio.gather(*(installed(house, name) for name in BELIEVERS))


async def test_firmware_that_another_key_signed_is_refused(house: House) -> None:
    await refused(house, await new_firmware(house, "kitchen"), "kitchen", STRANGE)


async def test_firmware_for_another_type_is_refused_before_it_is_signed_for_the_node(
    house: House,
) -> None:
    uploaded = await new_firmware(house, "kitchen")
    body = {"firmware_id": uploaded["id"], "target_node_id": house.node_id("desk")}
    with pytest.raises(Exception, match=r"led.*button2") as refusal:
        await house.client.mesh("POST", "ota/updates", body)
    assert refusal.value.status == 422


async def test_older_firmware_is_refused_until_its_downgrade_is_signed(house: House) -> None:
    older = await installed(house, "desk")
    await installed(house, "desk")
    await refused(house, older, "desk", OLD)
    highest = (await house.node("desk"))["floor"]
    row = await outcome(house, older, "desk", sign_downgrade=True)
    assert row["status"] == "completed", row
    node = await house.node("desk")
    assert node["proof"] == older["proof"]
    assert node["floor"] < highest


async def test_going_back_needs_no_signature_and_leaves_the_floor(house: House) -> None:
    await installed(house, "desk")
    before = await house.node("desk")
    job = await house.ended(await house.go_back("desk"), SECONDS)
    assert job["status"] == "completed", job
    after = await house.node("desk")
    assert after["proof"] == before["other"]["proof"]
    assert after["other"]["proof"] == before["proof"]
    assert after["floor"] == before["floor"]


async def test_a_long_press_goes_back_too_and_home_assistant_hears_of_it(house: House) -> None:
    before = await house.node("desk")
    board = house.mesh.nodes["desk"]
    board.press(0, 1)
    await asyncio.sleep(0.5)
    board.press(0, 0)
    await asyncio.sleep(LONG_PRESS_SECONDS)
    board.press(0, 1)
    after = await house.until(
        lambda: house.node("desk"),
        lambda node: node["proof"] == before["other"]["proof"] and node["phase"] == "idle",
        60,
    )
    assert after["last"]["outcome"] == "confirmed"
    assert after["floor"] == before["floor"]


async def test_a_new_key_reaches_every_board_and_signs_what_comes_next(
    house: House, full_counts: bool
) -> None:
    """With full counts the gateway installs what the new key has signed as well."""
    old = (await house.node("gateway"))["signing_key"]
    await house.client.call("POST", "/api/services/mesh_ota/rotate_signing_key", {})
    await asyncio.gather(
        *(installed(house, name) for name in (BELIEVERS if full_counts else BELIEVERS[:2]))
    )
    await house.until(lambda: house.node("gateway"), lambda node: node["signing_key"] != old, 90)
    keys = [(await house.node(name))["signing_key"] for name in (*BELIEVERS, "kitchen")]
    assert len(set(keys[:3])) == 1
    assert old not in keys
