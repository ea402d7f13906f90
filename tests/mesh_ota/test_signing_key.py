"""The key that signs firmware: drawn once, kept, exported, reminded of, and nobody's but an administrator's."""

import hashlib
from base64 import b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.mesh_ota.const import DOMAIN
from custom_components.mesh_ota.hub import MeshOta
from custom_components.mesh_ota.signing import SigningKey
from homeassistant.auth.models import User
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir

from .conftest import Upload
from .gateway_client import GatewayClient
from .test_signing import NODE, call, turn

ISSUE = "signing_key_not_exported"

pytestmark = pytest.mark.usefixtures("checked_translations")


@pytest.fixture
async def node(hass: HomeAssistant, caller: GatewayClient) -> None:
    """A node of type pir."""
    await caller.report_node(NODE)
    await hass.async_block_till_done()


async def test_the_key_is_drawn_once_and_survives_off_and_on(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta
):
    await turn(hass, paired, True)
    modulus = hub.signer.modulus
    assert len(b64decode(modulus)) == 384
    await turn(hass, paired, False)
    await turn(hass, paired, True)
    assert hub.signer.modulus == modulus


async def test_the_options_show_the_public_key_once_there_is_one(
    hass: HomeAssistant, paired: MockConfigEntry, hub: MeshOta
):
    options = hass.config_entries.options

    async def shown() -> dict[str, str]:
        menu = await options.async_init(paired.entry_id)
        page = await options.async_configure(menu["flow_id"], {"next_step_id": "signing"})
        options.async_abort(page["flow_id"])
        return page["description_placeholders"]

    before = await shown()
    assert before["public_key"] == "There is none yet; it is drawn when you turn this on."
    await turn(hass, paired, True)
    assert await shown() == {"key_id": hub.signer.key_id, "public_key": hub.signer.modulus}


async def test_the_private_key_lies_in_the_storage_that_a_backup_holds(
    hass: HomeAssistant, hass_storage: dict[str, Any], paired: MockConfigEntry
):
    await turn(hass, paired, True)
    assert "PRIVATE KEY" in hass_storage["mesh_ota.signing"]["data"]["private_key"]


async def test_all_of_it_survives_a_restart(
    hass: HomeAssistant, paired: MockConfigEntry, upload: Upload, hub: MeshOta
):
    firmware = await upload("pir", "1.1.0")
    await turn(hass, paired, True)
    again = MeshOta(hass)
    await again.async_load()
    assert again.signer.enabled
    assert again.signer.modulus == hub.signer.modulus
    assert again.signer.signature_of(firmware["id"]) == hub.signer.signature_of(firmware["id"])
    assert again.signer.counter == hub.signer.counter


# ---- export, and the reminder


async def test_the_reminder_stays_until_the_private_key_has_been_exported(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hub: MeshOta,
    issue_registry: ir.IssueRegistry,
):
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is None
    await turn(hass, paired, True)
    assert issue_registry.async_get_issue(DOMAIN, ISSUE)
    public = await call(hass, "export_signing_key")
    assert public["signing_key"] == hub.signer.modulus
    assert public["key_id"] == hashlib.sha256(b64decode(hub.signer.modulus)).hexdigest()[:16]
    assert "PUBLIC KEY" in public["public_key"]
    assert "private_key" not in public
    assert issue_registry.async_get_issue(DOMAIN, ISSUE)
    answer = await call(hass, "export_signing_key", private_key=True)
    private = load_pem_private_key(answer["private_key"].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.public_key().public_numbers().n == int.from_bytes(b64decode(hub.signer.modulus))
    assert issue_registry.async_get_issue(DOMAIN, ISSUE) is None


async def test_the_reminder_comes_back_with_a_reload_and_with_a_new_key(
    hass: HomeAssistant, paired: MockConfigEntry, issue_registry: ir.IssueRegistry
):
    await turn(hass, paired, True)
    assert await hass.config_entries.async_reload(paired.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, ISSUE)
    await call(hass, "export_signing_key", private_key=True)
    await call(hass, "rotate_signing_key")
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, ISSUE)


@pytest.mark.parametrize("action", ["export_signing_key", "rotate_signing_key"])
async def test_without_a_key_there_is_nothing_to_export_or_change(
    hass: HomeAssistant, paired: MockConfigEntry, action: str
):
    with pytest.raises(ServiceValidationError):
        await call(hass, action)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("export_signing_key", {"private_key": True}),
        ("rotate_signing_key", {}),
        ("go_back", {"target_node_ids": [NODE]}),
    ],
)
async def test_only_administrators_may(
    hass: HomeAssistant,
    paired: MockConfigEntry,
    hass_read_only_user: User,
    action: str,
    fields: dict[str, Any],
):
    await turn(hass, paired, True)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            DOMAIN,
            action,
            fields,
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )


def test_a_stored_key_of_another_size_is_refused():
    with pytest.raises(ValueError, match="RSA"):
        SigningKey(_small_key())


def _small_key() -> str:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
