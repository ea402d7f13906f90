"""One type, of which one node runs our firmware and one an unmodified C++ sketch: each ends right, by its own image.

The house is the kill matrix's, in which a C++ node has to stay for seconds instead of ten minutes.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from scripts.kill_matrix.house import NODE, House
from scripts.kill_matrix.runs import OWN, STOCK, Run

SETTLE = 9


@pytest_asyncio.fixture(loop_scope="session")
async def mixed(tmp_path: Path, full_counts: bool) -> AsyncIterator[House]:
    if not full_counts:
        pytest.skip("a house of its own takes a minute: scripts/test --all")
    house = House(tmp_path / "house", SETTLE)
    try:
        await house.open()
        yield house
    finally:
        await house.close()


async def ended(house: House, job: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while True:
        now: dict[str, Any] = await house.stage.client.mesh("GET", f"ota/updates/{job['id']}")
        if now["status"] in ("completed", "failed", "cancelled"):
            return now
        assert time.monotonic() < deadline, now
        await asyncio.sleep(0.5)


async def make(house: House, uploaded: dict[str, Any], **target: object) -> dict[str, Any]:
    body = {"firmware_id": uploaded["id"], **target}
    job: dict[str, Any] = await house.stage.client.mesh("POST", "ota/updates", body)
    return job


async def test_a_type_with_a_stock_and_an_own_node_ends_right_for_both(mixed: House) -> None:
    own, stock = mixed.stage.mesh.nodes[NODE], mixed.stock
    bundle = await mixed.upload_next(Run(OWN, "", ""))
    sketch = await mixed.upload_next(Run(STOCK, "", ""))
    for_own = await make(mixed, bundle, target_node_type="led")
    assert [row["node_id"] for row in for_own["nodes"]] == [str(own.node_id)]
    # It has never asked for anything: naming it is how the user says what it is, and which chip it has.
    for_stock = await make(mixed, sketch, target_node_id=str(stock.node_id))
    both = await asyncio.gather(ended(mixed, for_own), ended(mixed, for_stock))
    assert [job["nodes"][0]["status"] for job in both] == ["completed", "completed"]
    assert both[1]["nodes"][0]["reason"] == "not_proved"
    assert (own.starts, stock.starts) == (2, 2)
    assert stock.md5 == sketch["md5_hash"]
    image = await mixed.stage.client.mesh("GET", f"firmware/{sketch['id']}/download", raw=True)
    assert (stock.folder / "image").read_bytes() == image
    told = {row["node_id"]: row for row in (await mixed.stage.told())["nodes"]}
    assert told[str(own.node_id)]["proof"] == bundle["proof"]
    assert told[str(stock.node_id)]["node_type"] == "led"

    newer = await mixed.upload_next(Run(STOCK, "", ""))
    for_type = await make(mixed, newer, target_node_type="led")
    assert [row["node_id"] for row in for_type["nodes"]] == [str(stock.node_id)]
    assert (await ended(mixed, for_type))["status"] == "completed"
    assert stock.md5 == newer["md5_hash"]
    assert own.starts == 2
