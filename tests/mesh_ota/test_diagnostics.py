"""The diagnostics download: enough for a bug report, and no key."""

from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from homeassistant.core import HomeAssistant

from .conftest import GATEWAY_ID, GATEWAY_KEY, Upload
from .gateway_client import GatewayClient, setup_key

NODE = "2222222222"


async def test_diagnostics_show_the_mesh_and_no_key(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    caller: GatewayClient,
    upload: Upload,
    hass_client: ClientSessionGenerator,
):
    """The key is searched as hex and as it is typed; a job's token is as good as a key for its reports."""
    await caller.report_node(NODE)
    firmware = await upload("pir", "1.1.0")
    client = await hass_client()
    body = {"firmware_id": firmware["id"]}
    assert (await client.post("/api/mesh_ota/v1/ota/updates", json=body)).status == 201
    (job,) = (await caller.pending()).json["jobs"]
    found = await get_diagnostics_for_config_entry(hass, hass_client, paired)
    assert found["gateway"]["gateway_id"] == GATEWAY_ID
    assert [node["node_id"] for node in found["nodes"]] == [GATEWAY_ID, NODE]
    assert [row["version"] for row in found["library"]] == ["1.1.0"]
    assert [row["id"] for row in found["jobs"]] == [job["id"]]
    text = str(found)
    assert GATEWAY_KEY.hex() not in text
    assert setup_key(GATEWAY_KEY).replace("-", "")[:40] not in text
    assert job["token"] not in text
