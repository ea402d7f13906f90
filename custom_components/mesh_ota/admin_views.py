"""What an administrator may ask (docs/gateway-api.md §7). Each view takes a request apart and asks library or hub."""

from typing import Any

from aiohttp import web

from homeassistant.components.http.const import KEY_HASS_USER

from .admin_door import AdminView, administrators, json_object
from .const import API
from .errors import InvalidRequest, NotFound, StorageFailed
from .jobs.rollout import read_rollout
from .jobs.states import JobStatus
from .upload import Upload

_NUMBER = r"[0-9]{1,10}"


class UploadView(AdminView):
    """`POST firmware/upload`."""

    url = f"{API}firmware/upload"
    name = "api:mesh_ota:firmware:upload"

    @administrators
    async def post(self, request: web.Request) -> web.StreamResponse:
        """Take a firmware file in, as it arrives."""
        upload = Upload(self.hub.hass, await self.hub.library.async_part_path())
        try:
            await upload.async_receive(request)
            words = upload.words
            firmware = await self.hub.library.async_add(
                upload.path,
                upload.filename,
                words.get("node_type") or None,
                words.get("version") or None,
                hardware=words.get("hardware") or None,
                release_notes=words.get("release_notes", ""),
                is_stable=_flag("is_stable", words.get("is_stable", "")),
                runtime=words.get("runtime") or None,
            )
        finally:
            await upload.async_discard()
        return self.json(firmware.as_dict(), 201)


def _flag(name: str, text: str) -> bool:
    if text.lower() in ("", "0", "false", "off", "no"):
        return False
    if text.lower() in ("1", "true", "on", "yes"):
        return True
    raise InvalidRequest("field_malformed", field=name)


class FirmwareListView(AdminView):
    """`GET firmware`."""

    url = f"{API}firmware"
    name = "api:mesh_ota:firmware"

    @administrators
    async def get(self, request: web.Request) -> web.StreamResponse:
        """List the library, newest version first."""
        rows = self.hub.library.list(request.query.get("node_type"))
        return self.json([row.as_dict() for row in rows])


class FirmwareView(AdminView):
    """`GET`, `PATCH` and `DELETE firmware/{id}`."""

    url = f"{API}firmware/{{firmware_id:{_NUMBER}}}"
    name = "api:mesh_ota:firmware:one"

    @administrators
    async def get(self, _request: web.Request, firmware_id: str) -> web.StreamResponse:
        """Show one."""
        return self.json(self.hub.library.get(int(firmware_id)).as_dict())

    @administrators
    async def patch(self, request: web.Request, firmware_id: str) -> web.StreamResponse:
        """Mark as stable or not, edit the notes."""
        said = await json_object(request)
        stable, notes = said.get("is_stable"), said.get("release_notes")
        if stable is not None and not isinstance(stable, bool):
            raise InvalidRequest("field_malformed", field="is_stable")
        if notes is not None and not isinstance(notes, str):
            raise InvalidRequest("field_malformed", field="release_notes")
        row = await self.hub.library.async_update(int(firmware_id), stable, notes)
        return self.json(row.as_dict())

    @administrators
    async def delete(self, _request: web.Request, firmware_id: str) -> web.StreamResponse:
        """Delete it; jobs that used it keep what they say of it."""
        row = await self.hub.library.async_delete(int(firmware_id))
        return self.json(row.as_dict())


class FirmwareDownloadView(AdminView):
    """`GET firmware/{id}/download`."""

    url = f"{API}firmware/{{firmware_id:{_NUMBER}}}/download"
    name = "api:mesh_ota:firmware:download"

    @administrators
    async def get(self, _request: web.Request, firmware_id: str) -> web.StreamResponse:
        """Send the image: byte ranges, HEAD and ETag are aiohttp's."""
        row = self.hub.library.get(int(firmware_id))
        path = self.hub.library.path(row)
        if not await self.hub.hass.async_add_executor_job(path.is_file):
            raise StorageFailed("image_missing", firmware=row.id)
        ending = "tar" if row.kind == "app-bundle" else "bin"
        name = f"{row.node_type}-{row.version}.{ending}"
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
        return web.FileResponse(path, headers=headers)

    head = get


class JobListView(AdminView):
    """`POST` and `GET ota/updates`."""

    url = f"{API}ota/updates"
    name = "api:mesh_ota:jobs"

    @administrators
    async def get(self, request: web.Request) -> web.StreamResponse:
        """List all jobs, or those in one state."""
        wanted = request.query.get("status")
        if wanted is not None and wanted not in set(JobStatus):
            raise InvalidRequest("field_malformed", field="status")
        jobs = self.hub.jobs(None if wanted is None else JobStatus(wanted))
        return self.json([self.hub.shown(job) for job in jobs])

    @administrators
    async def post(self, request: web.Request) -> web.StreamResponse:
        """Make a job."""
        said = await json_object(request)
        firmware_id = said.get("firmware_id")
        if type(firmware_id) is not int:
            raise InvalidRequest("field_malformed", field="firmware_id")
        node_ids, node_type = _targets(said)
        rollout = read_rollout(said.get("rollout"))
        force = _truth(said, "force_update")
        if _truth(said, "dry_run"):
            plan = await self.hub.async_plan_job(
                firmware_id, node_ids=node_ids, node_type=node_type, force=force, rollout=rollout
            )
            return self.json(plan)
        job = await self.hub.async_create_job(
            firmware_id,
            node_ids=node_ids,
            node_type=node_type,
            force=force,
            sign_downgrade=_truth(said, "sign_downgrade"),
            actor=request[KEY_HASS_USER].id,
            rollout=rollout,
        )
        return self.json(self.hub.shown(job), 201)


def _truth(said: dict[str, Any], name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRequest("field_malformed", field=name)
    return value


def _targets(said: dict[str, Any]) -> tuple[list[str] | None, str | None]:
    """Return (node ids, node type) of the one target that is given."""
    names = ("target_node_id", "target_node_ids", "target_node_type")
    given = [name for name in names if said.get(name) is not None]
    if len(given) > 1:
        raise InvalidRequest("one_target_only")
    if not given:
        return None, None
    value = said[given[0]]
    if given[0] == "target_node_ids":
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidRequest("field_malformed", field=given[0])
        return value, None
    if not isinstance(value, str):
        raise InvalidRequest("field_malformed", field=given[0])
    return ([value], None) if given[0] == "target_node_id" else (None, value)


class JobView(AdminView):
    """`GET` and `DELETE ota/updates/{id}`."""

    url = f"{API}ota/updates/{{job_id:{_NUMBER}}}"
    name = "api:mesh_ota:jobs:one"

    @administrators
    async def get(self, _request: web.Request, job_id: str) -> web.StreamResponse:
        """Show one job with its nodes."""
        job = self.hub.job(int(job_id))
        if job is None:
            raise NotFound("unknown_job", job=int(job_id))
        return self.json(self.hub.shown(job))

    @administrators
    async def delete(self, request: web.Request, job_id: str) -> web.StreamResponse:
        """Cancel it; the job stays in the history."""
        job = await self.hub.async_cancel_job(int(job_id), request[KEY_HASS_USER].id)
        return self.json(self.hub.shown(job))


ADMIN_VIEWS = (
    UploadView,
    FirmwareListView,
    FirmwareView,
    FirmwareDownloadView,
    JobListView,
    JobView,
)
