"""The administrators' door: Home Assistant's own token, and errors as sentence and code (docs/gateway-api.md §7)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from homeassistant.components.http.decorators import require_admin
from homeassistant.helpers.http import HomeAssistantView

from .const import ADMIN_BODY_MAX
from .errors import InvalidRequest, MeshOtaError, TooLarge
from .hub import MeshOta


class AdminView(HomeAssistantView):
    """A view behind the administrators' door."""

    requires_auth = True

    def __init__(self, hub: MeshOta) -> None:
        """Serve this hub."""
        self.hub = hub


def administrators(
    serve: Callable[..., Awaitable[web.StreamResponse]],
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Let a view's method be called by administrators only; its MeshOtaErrors become JSON."""

    async def view_method(
        view: AdminView, request: web.Request, **parts: str
    ) -> web.StreamResponse:
        try:
            return await serve(view, request, **parts)
        except MeshOtaError as err:
            message = {"message": view.hub.sentence(err), "code": err.key}
            return web.json_response(message, status=err.status)

    return require_admin(view_method)


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the body as an object; an empty one is {}. Raises InvalidRequest or TooLarge."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(ADMIN_BODY_MAX + 1):
        body += chunk
        if len(body) > ADMIN_BODY_MAX:
            raise TooLarge("body_too_large", most=ADMIN_BODY_MAX)
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as err:
        raise InvalidRequest("body_not_json") from err
    if not isinstance(value, dict):
        raise InvalidRequest("body_not_json")
    return value
