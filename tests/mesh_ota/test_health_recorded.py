"""The health gate against what Home Assistant's own recorder has on its disk, not against a number of ours."""

import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.mesh_ota.hub import MeshOta
from homeassistant.core import HomeAssistant

from .conftest import Upload
from .gateway_client import GatewayClient
from .test_health import MOTION, soaked, updated

# Within the last day: 12.5 an hour, so that 30 minutes promise 6.25 and 20 % of that are 1.25.
PAST = 300


@pytest.fixture(autouse=True)
def _custom_integrations(recorder_mock: object, enable_custom_integrations: None) -> None:
    """The recorder has to be there before anything else."""


@pytest.mark.parametrize(("changes", "status"), [(1, "failed"), (2, "distributing")])
async def test_a_rate_that_the_recorder_knows_is_what_an_entity_has_to_keep_to(
    hass: HomeAssistant,
    hub: MeshOta,
    caller: GatewayClient,
    upload: Upload,
    changes: int,
    status: str,
):
    for number in range(PAST):
        hass.states.async_set(MOTION, str(number))
    await async_wait_recording_done(hass)
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    await hass.async_block_till_done(wait_background_tasks=True)
    for number in range(changes):
        hass.states.async_set(MOTION, f"after {number}")
    await hass.async_block_till_done()
    soaked(hub, job)
    assert job.status == status
    assert (MOTION in (job.error_message or "")) is (status == "failed")


async def test_an_attribute_that_goes_on_ticking_is_no_sign_of_life(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    for number in range(PAST):
        hass.states.async_set(MOTION, str(number))
    await async_wait_recording_done(hass)
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    await hass.async_block_till_done(wait_background_tasks=True)
    for number in range(50):
        hass.states.async_set(MOTION, str(PAST - 1), {"uptime": number})
    await hass.async_block_till_done()
    soaked(hub, job)
    assert job.status == "failed"


async def test_an_entity_without_a_past_only_has_to_have_a_state(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient, upload: Upload
):
    hass.states.async_set(MOTION, "off")
    await async_wait_recording_done(hass)
    job = await updated(hub, caller, upload, health_entities=(MOTION,))
    await hass.async_block_till_done(wait_background_tasks=True)
    soaked(hub, job)
    assert job.status == "distributing"
