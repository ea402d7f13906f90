"""What a gateway is given over real HTTP: jobs and images (docs/gateway-api.md §4)."""

import asyncio
from typing import Any

import pytest

from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.jobs.job import Job
from custom_components.mesh_ota.jobs.states import NodeStatus
from homeassistant.core import HomeAssistant

from . import images
from .conftest import Upload
from .gateway_client import GatewayClient

NODE, SECOND = "2222222222", "3333333333"
NOT_ACCEPTED = b'{"message": "Not accepted."}'


# What is to be distributed


async def test_a_new_job_ends_a_long_poll_at_once(
    hub: MeshOta, caller: GatewayClient, node: None, upload: Upload
):
    firmware = await upload("pir", "1.1.0")
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    assert not poll.done()
    job = await hub.async_create_job(firmware["id"])
    async with asyncio.timeout(1):
        answer = (await poll).json
    assert answer["revision"] > have
    assert [entry["id"] for entry in answer["jobs"]] == [job.id]


async def test_a_long_poll_in_which_nothing_happens_ends_with_the_same_revision(
    caller: GatewayClient,
):
    have = (await caller.pending()).json["revision"]
    answer = await caller.pending(wait=1, have=have)
    assert answer.json == {"revision": have, "jobs": []}


async def test_a_poll_with_another_revision_is_answered_at_once(caller: GatewayClient):
    async with asyncio.timeout(1):
        await caller.pending(wait=50, have=999)
        await caller.pending(wait=50)


async def test_a_cancel_is_seen_by_a_waiting_gateway_at_once(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    await hub.async_cancel_job(job.id)
    async with asyncio.timeout(1):
        assert (await poll).json["jobs"] == []


async def test_home_assistant_stopping_ends_long_polls(
    hass: HomeAssistant, hub: MeshOta, caller: GatewayClient
):
    have = (await caller.pending()).json["revision"]
    poll = asyncio.create_task(caller.pending(wait=50, have=have))
    await asyncio.sleep(0.05)
    hass.bus.async_fire("homeassistant_stop")
    async with asyncio.timeout(2):
        await poll


@pytest.mark.parametrize("query", ["wait=51", "wait=-1", "wait=x", "have=1.5", "wait=" + "9" * 30])
async def test_a_malformed_query_is_told_so(caller: GatewayClient, query: str):
    answer = await caller.call("GET", f"ota/updates/pending?{query}")
    assert (answer.status, answer.signed) == (400, True)


async def test_no_revision_leaves_the_house_before_it_is_stored(
    hub: MeshOta, caller: GatewayClient, job: Job, hass_storage: dict[str, Any]
):
    """After a crash it would be given out a second time."""
    answer = await caller.pending()
    assert hass_storage["mesh_ota.jobs"]["data"]["revision"] >= answer.json["revision"]


# Images


async def test_the_image_comes_in_blocks(caller: GatewayClient, job: Job):
    image = images.bundle(node_type="pir", version="1.1.0")
    assert len(image) > 4096
    first = await caller.block(job.firmware_id, 0, 4095)
    rest = await caller.block(job.firmware_id, 4096, 4096 + 262143)
    assert (first.status, first.signed, rest.signed) == (206, True, True)
    assert first.body + rest.body == image
    assert rest.headers["Content-Range"] == f"bytes 4096-{len(image) - 1}/{len(image)}"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes=1-4096",
        "bytes=4095-8190",
        "bytes=0-",
        "bytes=-4096",
        "bytes=0-1,4096-8191",
        "bytes=4096-0",
        "bytes=0-262144",
        "bytes=1048576-1052671",
        "bytes=x-y",
        "chunks=0-4095",
        "bytes= 0-4095",
        "bytes=" + "9" * 30 + "-0",
    ],
)
async def test_any_other_range_is_416(caller: GatewayClient, job: Job, asked: str):
    answer = await caller.call("GET", f"firmware/{job.firmware_id}/download", byte_range=asked)
    assert (answer.status, answer.signed) == (416, True)


async def test_an_image_that_no_job_of_this_gateway_needs_is_not_there(
    hub: MeshOta, caller: GatewayClient, job: Job, upload: Upload
):
    other = await upload("pir", "2.0.0")
    assert (await caller.block(other["id"], 0, 4095)).status == 404
    assert (await caller.block(99, 0, 4095)).status == 404
    await hub.async_cancel_job(job.id)
    assert (await caller.block(job.firmware_id, 0, 4095)).status == 404


async def test_a_lost_image_means_later_and_changes_nothing(
    hub: MeshOta, caller: GatewayClient, job: Job
):
    hub.library.path(hub.library.get(job.firmware_id)).unlink()
    answer = await caller.block(job.firmware_id, 0, 4095)
    assert (answer.status, answer.signed) == (503, False)
    assert job.nodes[NODE].status is NodeStatus.PENDING
