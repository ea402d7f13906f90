"""What a person does in Home Assistant's frontend, over the same HTTP and websocket calls.

Not here: starting and stopping it (home_assistant.py), and what a gateway says to it.
"""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp

USER_NAME = "Demo"
USER_LOGIN = "demo"
USER_PASSWORD = "demo-demo"  # printed for whoever tries the demo; it lives in a folder of its own
# Onboarding adds these by itself; where there is no internet they keep each later start waiting.
FROM_THE_INTERNET = ("met", "radio_browser", "google_translate", "marketplace", "analytics")
API = "/api/mesh_ota/v1/"


_FLOW_LOOK_SECONDS = 0.3


class Refused(RuntimeError):
    """Home Assistant said no; `status` is HTTP's, `body` what it said."""

    def __init__(self, method: str, path: str, status: int, body: Any) -> None:
        super().__init__(f"{method} {path} was answered {status}: {body}")
        self.status = status
        self.body = body


class HomeAssistantClient:
    def __init__(self, url: str) -> None:
        self.url = url
        self.client_id = url + "/"
        self._session: aiohttp.ClientSession | None = None
        self._refresh_token = ""
        self._access_token = ""

    @property
    def has_account(self) -> bool:
        return bool(self._refresh_token)

    @property
    def tokens(self) -> tuple[str, str]:
        return self._refresh_token, self._access_token

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def is_running(self) -> bool:
        """Whether it answers and, once somebody can log in, whether all integrations are loaded."""
        try:
            async with self._http().get(
                self.url + "/manifest.json", timeout=aiohttp.ClientTimeout(2)
            ) as answer:
                if answer.status != 200:
                    return False
            if not self.has_account:
                return True
            return bool((await self.call("GET", "/api/config"))["state"] == "RUNNING")
        except (aiohttp.ClientError, TimeoutError, Refused):
            return False

    async def onboard(self) -> None:
        """Make the owner's account and finish the first steps, as the welcome pages do."""
        owner = {
            "name": USER_NAME,
            "username": USER_LOGIN,
            "password": USER_PASSWORD,
            "language": "en",
        }
        answer = await self.call(
            "POST", "/api/onboarding/users", {"client_id": self.client_id, **owner}
        )
        await self._log_in(grant_type="authorization_code", code=answer["auth_code"])
        await self.call("POST", "/api/onboarding/core_config", {})
        await self.call("POST", "/api/onboarding/analytics", {})
        there = {"client_id": self.client_id, "redirect_uri": self.client_id}
        await self.call("POST", "/api/onboarding/integration", there)

    async def forget_the_internet(self) -> None:
        for entry in await self.call("GET", "/api/config/config_entries/entry"):
            if entry["domain"] in FROM_THE_INTERNET:
                await self.call("DELETE", f"/api/config/config_entries/entry/{entry['entry_id']}")

    async def refresh(self) -> None:
        """An access token lives 30 minutes; the refresh token lives as long as the user does."""
        await self._log_in(grant_type="refresh_token", refresh_token=self._refresh_token)

    def log_in_as(self, other: "HomeAssistantClient") -> None:
        """Take over another client's login, for a Home Assistant that has the same users."""
        self.client_id = other.client_id
        self._refresh_token, self._access_token = other.tokens

    async def call(
        self, method: str, path: str, body: Any = None, *, raw: bool = False, **more: Any
    ) -> Any:
        """One REST call; answers the JSON, text or (`raw`) bytes of a 2xx and raises Refused for anything else."""
        headers = {"Authorization": f"Bearer {self._access_token}"} if self._access_token else {}
        headers |= more.pop("headers", {})
        timeout = aiohttp.ClientTimeout(30)
        async with self._http().request(
            method, self.url + path, json=body, headers=headers, timeout=timeout, **more
        ) as answer:
            content = await _content_of(answer, raw=raw)
            if not 200 <= answer.status < 300:
                raise Refused(method, path, answer.status, content)
            return content

    async def mesh(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A call of our own administrators' API, docs/gateway-api.md §7."""
        return await self.call(method, API + path, body, **more)

    async def upload(self, bundle: Path, **fields: str) -> dict[str, Any]:
        form = aiohttp.FormData()
        for name, value in fields.items():
            form.add_field(name, value)
        form.add_field("file", bundle.read_bytes(), filename=bundle.name)  # noqa: ASYNC240  some 100 KB
        row: dict[str, Any] = await self.mesh("POST", "firmware/upload", data=form)
        return row

    async def command(self, kind: str, **fields: Any) -> Any:
        """One websocket command, with its result."""
        async with self._http().ws_connect(self.url + "/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._access_token})
            await socket.receive_json()
            await socket.send_json({"id": 1, "type": kind, **fields})
            answer = await socket.receive_json(timeout=30)
            if not answer["success"]:
                raise Refused("websocket", kind, 400, answer["error"])
            return answer["result"]

    async def act(self, domain: str, service: str, **fields: Any) -> Any:
        """Call an action; answers its response data where it has some."""
        return await self.call("POST", f"/api/services/{domain}/{service}", fields)

    async def states(self, domain: str) -> dict[str, dict[str, Any]]:
        """{entity id: state} of one domain."""
        rows = await self.call("GET", "/api/states")
        return {row["entity_id"]: row for row in rows if row["entity_id"].startswith(domain + ".")}

    async def add_gateway(self, setup_key: str, seconds: float = 60) -> dict[str, Any]:
        """Go through the config flow as its dialogs do; answers the result of the last step."""
        step = await self.call("POST", "/api/config/config_entries/flow", {"handler": "mesh_ota"})
        flow = f"/api/config/config_entries/flow/{step['flow_id']}"
        step = await self.call("POST", flow, {"setup_key": setup_key})
        for _ in range(round(seconds / _FLOW_LOOK_SECONDS)):
            if step["type"] not in ("progress", "progress_done"):
                return dict(step)
            await asyncio.sleep(_FLOW_LOOK_SECONDS)
            step = await self.call("GET", flow)
        raise TimeoutError(f"The gateway was not heard by Home Assistant within {seconds} s.")

    async def _log_in(self, **form: str) -> None:
        async with self._http().post(
            self.url + "/auth/token", data={"client_id": self.client_id, **form}
        ) as answer:
            token = await answer.json()
            if answer.status != 200:
                raise Refused("POST", "/auth/token", answer.status, token)
        self._access_token = token["access_token"]
        self._refresh_token = token.get("refresh_token", self._refresh_token)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession()
        return self._session


async def _content_of(answer: aiohttp.ClientResponse, *, raw: bool) -> Any:
    if raw and answer.ok:
        return await answer.read()
    return await answer.json() if "json" in answer.content_type else await answer.text()
