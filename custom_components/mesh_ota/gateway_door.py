"""The gateway's door: who may come in, and how every answer is signed (docs/gateway-api.md §2, §3).

What is asked for behind it stands in `gateway_views`. Whatever is wrong with a request gets the same 401, returned
and not raised, so that Home Assistant's login warnings and bans stay out of it.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util import dt as dt_util

from .const import GATEWAY_BODY_MAX
from .errors import MeshOtaError
from .gateway_auth import Accepted, SignedRequest
from .hub import MeshOta

NOT_ACCEPTED = b'{"message": "Not accepted."}'


class Refusal(Exception):
    """A request that was accepted gets an error: status and sentence, signed."""

    def __init__(self, status: int, message: str) -> None:
        """Say it."""
        super().__init__(message)
        self.status = status
        self.message = message


class Later(Exception):
    """We cannot answer now. The answer is not signed, so that the gateway tries again and changes nothing."""


class GatewayView(HomeAssistantView):
    """A view behind the gateway's door."""

    requires_auth = False
    cors_allowed = False

    def __init__(self, hub: MeshOta) -> None:
        """Serve this hub."""
        self.hub = hub


type Answer = tuple[int, Any, str]
"""Status, JSON value or image bytes, Content-Range."""


def not_accepted() -> web.Response:
    """Return the one answer to everything that is wrong."""
    return web.Response(body=NOT_ACCEPTED, status=401, content_type="application/json")


async def read_signed(request: web.Request, most: int) -> SignedRequest | None:
    """Return what the signature covers; None if it cannot be one of ours.

    Raises HTTPRequestEntityTooLarge, to whoever it is: that says nothing about anything but the size.
    """
    start = request.raw_path.find("/api/")
    if start < 0 or "Content-Encoding" in request.headers:
        return None
    body = bytearray()
    async for chunk in request.content.iter_chunked(most + 1):
        body += chunk
        if len(body) > most:
            raise web.HTTPRequestEntityTooLarge(
                most, len(body), text=f'{{"message": "A request holds at most {most} bytes."}}'
            )
    return SignedRequest(
        method=request.method,
        target=request.raw_path[start:],
        asked_range=request.headers.get("Range", ""),
        body=bytes(body),
        signature=request.headers.get("X-Mesh-Signature", ""),
    )


def behind_the_door(
    serve: Callable[..., Awaitable[Answer]],
) -> Callable[..., Awaitable[web.Response]]:
    """Let a view's method be called for accepted requests only, and sign what it returns.

    It is called as `serve(view, request, gateway id, body, **parts of the path)`.
    """

    async def view_method(view: GatewayView, request: web.Request, **parts: str) -> web.Response:
        signed = await read_signed(request, GATEWAY_BODY_MAX)
        headers = request.headers
        accepted = signed and view.hub.sessions.check(
            headers.get("X-Mesh-Session", ""),
            headers.get("X-Mesh-Counter", ""),
            signed,
            dt_util.utcnow(),
        )
        if not signed or not accepted:
            return not_accepted()
        view.hub.heard(accepted.gateway_id)
        try:
            answer = await serve(view, request, accepted.gateway_id, signed.body, **parts)
        except Refusal as refusal:
            answer = refusal.status, {"message": refusal.message}, ""
        except Later:
            return web.json_response({"message": "Not now."}, status=503)
        except MeshOtaError as err:
            # Ours to mend (the disk): "later" too.
            return web.json_response({"message": view.hub.sentence(err)}, status=503)
        return signed_answer(accepted, *answer)

    return view_method


def signed_answer(
    accepted: Accepted, status: int, content: Any, content_range: str
) -> web.Response:
    """Return the answer with its signature."""
    image = isinstance(content, bytes)
    body = content if image else json.dumps(content).encode()
    headers = {"X-Mesh-Signature": accepted.sign_answer(status, content_range, body)}
    if content_range:
        headers["Content-Range"] = content_range
    kind = "application/octet-stream" if image else "application/json"
    return web.Response(body=body, status=status, headers=headers, content_type=kind)


def json_object(body: bytes) -> dict[str, Any]:
    """Return the body as an object. Raises Refusal 400."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise Refusal(400, "The body is not JSON.") from err
    if not isinstance(value, dict):
        raise Refusal(400, "The body is not a JSON object.")
    return value
