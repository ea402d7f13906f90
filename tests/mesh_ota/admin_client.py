"""What an administrator's script says over HTTP: one call, and the body of an upload."""

from typing import Any

from aiohttp import FormData

ROOT = "/api/mesh_ota/v1/"


def form(content: bytes | None = None, **fields: str | bytes) -> FormData:
    """An upload's body."""
    body = FormData(fields, default_to_multipart=True)
    if content is not None:
        body.add_field("file", content, filename="firmware.tar")
    return body


async def ask(client: Any, method: str, path: str, **more: Any) -> tuple[int, Any]:
    """One call: (status, JSON)."""
    response = await client.request(method, ROOT + path, **more)
    return response.status, await response.json()
