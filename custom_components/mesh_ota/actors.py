"""Who asked for something: a user, else the automation or script that was running.

Home Assistant says whose a context is once, when an automation or script begins; the last of these are remembered here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

if TYPE_CHECKING:
    from .devices import MeshOtaConfigEntry

_BEGUN: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_begun")
"""Context id: entity id of what began with it."""
# Those of the automation and script components, which need not be there.
_EVENTS = ("automation_triggered", "script_started")
_KEPT = 200  # an automation may wait for hours before it acts


@callback
def async_follow_actors(hass: HomeAssistant, entry: MeshOtaConfigEntry) -> None:
    """Remember what begins from now on."""
    begun = hass.data.setdefault(_BEGUN, {})

    @callback
    def _note(event: Event[dict[str, Any]]) -> None:
        # A script that an automation calls runs in its context: the automation asked first.
        if ATTR_ENTITY_ID in event.data:
            begun.setdefault(event.context.id, str(event.data[ATTR_ENTITY_ID]))
        while len(begun) > _KEPT:
            del begun[next(iter(begun))]

    for kind in _EVENTS:
        entry.async_on_unload(hass.bus.async_listen(kind, _note))


@callback
def async_actor(hass: HomeAssistant, context: Context | None) -> str | None:
    """Return a user's id, else the entity id of the automation or script, None where nobody said."""
    if context is None:
        return None
    return context.user_id or hass.data.get(_BEGUN, {}).get(context.id)


async def async_actor_name(hass: HomeAssistant, actor: str | None) -> str | None:
    """Return the name of a user, automation or script, or what is known of one that is gone; None of nobody."""
    if actor is None:
        return None
    if (user := await hass.auth.async_get_user(actor)) is not None:
        return user.name
    state = hass.states.get(actor) if "." in actor else None
    return actor if state is None else state.name
