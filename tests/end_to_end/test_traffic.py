"""What went over the wires of the first rollout: between gateway and Home Assistant, and on the mesh."""

import base64
import json
import re

from simulator.stage import Stage
from tests.end_to_end.first_rollout import FirstRollout


async def test_the_gateway_key_is_in_no_byte_of_all_traffic(
    stage: Stage, first_rollout: FirstRollout
) -> None:
    assert all(job["status"] == "completed" for job in first_rollout.jobs)
    traffic = (stage.folder / "traffic.bin").read_bytes()
    assert b"POST /api/mesh_ota/v1/gateway/session" in traffic, "the recording has no opening"
    assert b'"type":12' in traffic, "the recording has no part of an image"
    keys = json.loads((stage.mesh.gateway.flash / "keys.json").read_text())
    for name in ("gateway_key", "mesh_key"):
        for form in _forms(bytes.fromhex(keys[name])):
            assert form not in traffic
    assert stage.setup_key.encode() not in traffic
    assert stage.setup_key.replace("-", "").encode() not in traffic


async def test_one_rollout_of_all_nodes_takes_two_connections(first_rollout: FirstRollout) -> None:
    """The original opened one per part and node: some six hundred here."""
    parts = sum(row["total_parts"] for job in first_rollout.jobs for row in job["nodes"])
    assert parts > 300
    assert first_rollout.connections <= 2


async def test_every_bundle_crosses_the_house_deflated(first_rollout: FirstRollout) -> None:
    assert all(job["status"] == "completed" for job in first_rollout.jobs)
    download = rb"GET /api/mesh_ota/v1/gateway/firmware/\d+/download(\S*) HTTP"
    asked = re.findall(download, first_rollout.traffic)
    assert len(asked) > 50
    assert set(asked) == {b"?encoding=deflate"}


def _forms(key: bytes) -> list[bytes]:
    hexadecimal = key.hex().encode()
    in_base64 = base64.b64encode(key).rstrip(b"=")
    return [
        key,
        hexadecimal,
        hexadecimal.upper(),
        base64.b32encode(key).rstrip(b"="),
        base64.b32encode(key).rstrip(b"=").lower(),
        in_base64,
        base64.urlsafe_b64encode(key).rstrip(b"="),
    ]
