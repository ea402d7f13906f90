"""What an administrator may do with a job that is there, and the history (docs/gateway-api.md §7)."""

from aiohttp import web

from homeassistant.components.http.const import KEY_HASS_USER

from .admin_door import AdminView, administrators
from .const import API
from .errors import InvalidRequest
from .jobs.history import as_csv
from .status import node_id as read_node_id

_NUMBER = r"[0-9]{1,10}"


class JobStepView(AdminView):
    """`POST ota/updates/{id}/retry`, `/pause` and `/resume`."""

    url = f"{API}ota/updates/{{job_id:{_NUMBER}}}/{{step:retry|pause|resume}}"
    name = "api:mesh_ota:jobs:step"

    @administrators
    async def post(self, request: web.Request, job_id: str, step: str) -> web.StreamResponse:
        """Do it; the answer is the job, after a retry the new one."""
        number, actor = int(job_id), request[KEY_HASS_USER].id
        if step == "retry":
            job = await self.hub.async_retry_job(number, actor)
            return self.json(self.hub.shown(job), 201)
        hold = self.hub.async_pause_job if step == "pause" else self.hub.async_resume_job
        return self.json(self.hub.shown(await hold(number, actor)))


class HistoryView(AdminView):
    """`GET history`."""

    url = f"{API}history"
    name = "api:mesh_ota:history"

    @administrators
    async def get(self, request: web.Request) -> web.StreamResponse:
        """List the entries, of one job or node if it is named; as JSON, or as a table to download."""
        job, node = request.query.get("job_id"), request.query.get("node_id")
        kind = request.query.get("format", "json")
        if job is not None and not (job.isascii() and job.isdigit() and len(job) <= 10):
            raise InvalidRequest("field_malformed", field="job_id")
        if node is not None and read_node_id(node) is None:
            raise InvalidRequest("field_malformed", field="node_id")
        if kind not in ("json", "csv"):
            raise InvalidRequest("field_malformed", field="format")
        entries = await self.hub.history.async_entries(int(job) if job else None, node)
        if kind == "json":
            return self.json(entries)
        headers = {"Content-Disposition": 'attachment; filename="mesh-ota-history.csv"'}
        table = await self.hub.hass.async_add_executor_job(as_csv, entries)
        return web.Response(text=table, content_type="text/csv", headers=headers)


class HistoryVerifyView(AdminView):
    """`GET history/verify`."""

    url = f"{API}history/verify"
    name = "api:mesh_ota:history:verify"

    @administrators
    async def get(self, _request: web.Request) -> web.StreamResponse:
        """Say whether the chain of hashes holds, and which entry breaks it if not."""
        history = self.hub.history.history
        broken = history.verify()
        last = history.entries[-1]["hash"] if history.entries else None
        return self.json(
            {
                "intact": broken is None,
                "entries": len(history.entries),
                "broken_at": broken,
                "last": last,
            }
        )


JOB_VIEWS = (JobStepView, HistoryView, HistoryVerifyView)
