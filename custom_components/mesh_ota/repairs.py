"""What a person has to decide or mend: as issues under Settings → Repairs.

A gateway that signs with a wrong key is told of and never banned; jobs that are older than their gateway
wait until somebody has said what shall become of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .devices import MeshOtaConfigEntry
from .dialog import async_sitting
from .hub import Change, MeshOta, async_get_hub

RESTORED = "restored_from_backup"
SIGNING_KEY = "signing_key_not_exported"
WRONG_SIGNATURES = "wrong_signatures"


@callback
def async_follow_alarms(hass: HomeAssistant, entry: MeshOtaConfigEntry, hub: MeshOta) -> None:
    """Raise what the hub has to say of this entry's gateway, until the entry is unloaded."""
    gateway_id = entry.runtime_data.gateway_id
    wrong_signatures = f"{WRONG_SIGNATURES}_{gateway_id}"

    @callback
    def follow(change: Change) -> None:
        if change.kind == "wrong_signatures" and change.id == gateway_id:
            _raise_wrong_signatures(hass, wrong_signatures, gateway_id)
        elif change.kind == "old_backup" and change.id == gateway_id:
            _ask_about_restored_jobs(hass, gateway_id)
        elif change.kind == "job":
            async_settle_jobs_issue(hass, hub)
        elif change.kind == "signing":
            async_settle_signing_issue(hass, hub)

    async_settle_signing_issue(hass, hub)
    entry.async_on_unload(hub.async_subscribe(follow, gateway_id, "job", "signing"))
    entry.async_on_unload(partial(ir.async_delete_issue, hass, DOMAIN, wrong_signatures))


@callback
def async_settle_jobs_issue(hass: HomeAssistant, hub: MeshOta) -> None:
    """Take the question back once no job waits for its answer."""
    if not _waiting(hub):
        ir.async_delete_issue(hass, DOMAIN, RESTORED)


@callback
def async_settle_signing_issue(hass: HomeAssistant, hub: MeshOta) -> None:
    """Remind of the export of the signing key until it has been done."""
    if hub.signer.exported or not hub.signer.enabled:
        ir.async_delete_issue(hass, DOMAIN, SIGNING_KEY)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        SIGNING_KEY,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=SIGNING_KEY,
        translation_placeholders={"key_id": hub.signer.key_id},
    )


def _raise_wrong_signatures(hass: HomeAssistant, issue_id: str, gateway_id: str) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key=WRONG_SIGNATURES,
        translation_placeholders={"gateway_id": gateway_id},
    )


def _ask_about_restored_jobs(hass: HomeAssistant, gateway_id: str) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        RESTORED,
        data={"gateway_id": gateway_id},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key=RESTORED,
    )


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Ask what shall become of the paused jobs."""
    return RestoredJobsFlow(str((data or {}).get("gateway_id", "")))


class RestoredJobsFlow(RepairsFlow):
    """Resume or cancel, for all jobs that wait for this answer."""

    def __init__(self, gateway_id: str) -> None:
        """Remember which gateway has seen more than we know."""
        self._gateway_id = gateway_id

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Show the choice."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["resume_jobs", "cancel_jobs"],
            description_placeholders={"gateway_id": self._gateway_id},
        )

    async def async_step_resume_jobs(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Let them go on."""
        hub = await async_get_hub(self.hass)
        for job_id in _waiting(hub):
            await hub.async_resume_job(job_id, async_sitting())
        return self.async_create_entry(data={})

    async def async_step_cancel_jobs(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave every node with what it runs."""
        hub = await async_get_hub(self.hass)
        for job_id in _waiting(hub):
            await hub.async_cancel_job(job_id, async_sitting())
        return self.async_create_entry(data={})


def _waiting(hub: MeshOta) -> list[int]:
    """Return the jobs that are paused until the user has answered."""
    return [job.id for job in hub.engine.ledger.open_jobs if job.waiting_for == "user"]
