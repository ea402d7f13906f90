"""Waiting for a gateway: a config flow lets a key open sessions, and learns which gateway has it."""

import asyncio

from .gateway_auth import Sessions


class GatewayExpectation:
    """A config flow's wait for the first opening under a key. `future` gives the gateway's node id."""

    def __init__(self, sessions: Sessions, key: bytes) -> None:
        """Let the key open sessions from now on."""
        self.future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sessions = sessions
        self._key = key
        sessions.expect(key, self._heard)

    def _heard(self, gateway_id: str) -> None:
        if not self.future.done():
            self.future.set_result(gateway_id)

    def cancel(self) -> None:
        """Drop the key; the future is cancelled if nobody called."""
        self._sessions.expect_no_more(self._key, self._heard)
        self.future.cancel()
