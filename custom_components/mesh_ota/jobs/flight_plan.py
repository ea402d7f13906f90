"""The flight plan: what a job would do, node by node, before anybody makes it.

Pure; changes nothing. Times are expected ones: each node's own past rate, else the house's, else a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from ..const import PART_SIZE, STOCK_SETTLED
from ..errors import NotFound, Unfit
from ..firmware.record import Firmware
from ..nodes import Node, NodeRegistry
from .fit import chip_known, runs_already, why_not
from .handout import parallel
from .ledger import Ledger
from .rollout import Rollout, Window
from .stages import Stages

# Bytes per second where nobody has a past: one of our nodes over two hops.
GUESSED_RATE = 20_000
# From the last part to the proof: checking, restart, joining, the gateway's hello.
RESTART = timedelta(seconds=45)
MINUTE = timedelta(minutes=1)
NEVER = ("running_it", "no_room", "unsigned", "below_floor")


@dataclass(kw_only=True, slots=True)
class Leg:
    """One node of the plan."""

    node: Node
    refusal: Unfit | None
    note: str | None
    """Code of a sentence (`jobs.sentences`): why it would be skipped, refused by the node itself, or wait."""
    rate: float
    rate_from: str
    order: int | None = None
    begins: timedelta = timedelta()
    ends: timedelta = timedelta()

    @property
    def proving(self) -> timedelta:
        """From the last part to the proof; a stock node has to stay for a while, since it cannot prove anything."""
        return RESTART + (STOCK_SETTLED if self.node.stock else timedelta())

    @property
    def eligible(self) -> bool:
        """Whether the job would try to bring the firmware to the node."""
        return self.refusal is None and self.note not in NEVER

    @property
    def flies(self) -> bool:
        """Whether it could begin as soon as it is its turn."""
        return self.eligible and self.note is None


class FlightPlan:
    """What a job with these words would do."""

    def __init__(self, ledger: Ledger, nodes: NodeRegistry, stages: Stages) -> None:
        """Plan for these nodes, from what the ledger remembers."""
        self._ledger = ledger
        self._nodes = nodes
        self._order = stages.order

    def draw(
        self,
        firmware: Firmware,
        now: datetime,
        *,
        node_ids: Sequence[str] | None = None,
        force: bool = False,
        rollout: Rollout,
        signed: bool = False,
        counter: int | None = None,
    ) -> dict[str, Any]:
        """Return the plan as the HTTP API shows it, but for the refusals, which are errors to be worded.

        `counter` is that of the firmware's signature, None where it is signed only when the job is made.

        Raises NotFound for a node that nobody knows.
        """
        rates = _rates(self._ledger)
        house = median(rates.values()) if rates else None
        legs = []
        for node in self._candidates(firmware, node_ids):
            own = rates.get(node.node_id)
            rate, source = (own, "own") if own else (house, "house") if house else (None, "guess")
            refusal = why_not(firmware, node)
            note = None if refusal else _note(firmware, node, force, signed, counter)
            legs.append(
                Leg(
                    node=node,
                    refusal=refusal,
                    note=note,
                    rate=rate or GUESSED_RATE,
                    rate_from=source,
                )
            )
        canaries = self._schedule(legs, firmware.size_bytes, rollout, for_type=node_ids is None)
        return _shown(firmware, legs, canaries, _Clock(self._ledger, rollout.window, now))

    def _candidates(self, firmware: Firmware, node_ids: Sequence[str] | None) -> list[Node]:
        if node_ids is None:
            known = self._nodes.nodes.values()
            return [node for node in known if node.node_type == firmware.node_type]
        for node_id in node_ids:
            if node_id not in self._nodes.nodes:
                raise NotFound("unknown_node", node=node_id)
        return [self._nodes.nodes[node_id] for node_id in dict.fromkeys(node_ids)]

    def _schedule(
        self, legs: list[Leg], size: int, rollout: Rollout, *, for_type: bool
    ) -> list[str]:
        """Give each leg its place and its times, in working time from the start. Returns the canary's ids."""
        flying = sorted((leg for leg in legs if leg.flies), key=self._place)
        first = [leg for leg in flying if leg.node.node_id in rollout.canary_node_ids]
        if not rollout.canary_node_ids and (for_type or rollout.canary < len(flying)):
            # As `stages` chooses it: of equal ones the first that a job would name.
            loaded = sorted(
                (leg for leg in legs if leg.flies),
                key=lambda leg: (leg.node.is_gateway, self._order.carried(leg.node)),
            )
            first = loaded[: rollout.canary]
        others = [leg for leg in flying if leg not in first]
        most = rollout.most_failures(len(flying))
        end = self._fly(first, size, rollout, timedelta(), most)
        if first:
            end += timedelta(minutes=rollout.soak_minutes)
        self._fly(others, size, rollout, end, most)
        for number, leg in enumerate([*first, *others], start=1):
            leg.order = number
        return [leg.node.node_id for leg in first]

    def _fly(
        self, legs: list[Leg], size: int, rollout: Rollout, begin: timedelta, most: int | None
    ) -> timedelta:
        """Let transfers run side by side behind each gateway from `begin` on; returns when the last node has proved itself.

        A node that carries others restarts after those, and no more than `most` are between restart and proof.
        """
        slots: dict[str, list[timedelta]] = {}
        restarts = [begin] * (len(legs) if most is None else most)
        for leg in legs:
            arrived = _arrival(leg, size, slots.setdefault(*self._slots(leg, rollout, begin)))
            if not self._holds(leg):
                leg.ends = arrived + leg.proving
                continue
            free = min(restarts)
            leg.ends = max(arrived, free, *self._below(leg, legs)) + leg.proving
            restarts[restarts.index(free)] = leg.ends
        return max((leg.ends for leg in legs), default=begin)

    def _holds(self, leg: Leg) -> bool:
        """Whether its restart can be held back, for those below it or a threshold."""
        gateway = self._nodes.nodes.get(leg.node.gateway_id)
        return not leg.node.stock and gateway is not None and gateway.room > 0

    def _below(self, leg: Leg, legs: list[Leg]) -> list[timedelta]:
        """Return when those have proved themselves that hang on a node."""
        name = leg.node.node_id
        return [each.ends for each in legs if name in self._order.carriers(each.node)]

    def _slots(self, leg: Leg, rollout: Rollout, begin: timedelta) -> tuple[str, list[timedelta]]:
        gateway_id = leg.node.gateway_id
        room = parallel(self._nodes.nodes.get(gateway_id))
        return gateway_id, [begin] * min(room, rollout.max_parallel or room)

    def _place(self, leg: Leg) -> tuple[bool, int]:
        node = leg.node
        return node.is_gateway, -self._order.depth(node)


def _arrival(leg: Leg, size: int, slots: list[timedelta]) -> timedelta:
    """Begin a transfer in the slot that is free first; returns when it is over."""
    leg.begins = min(slots)
    arrived = leg.begins + timedelta(seconds=size / leg.rate)
    slots[slots.index(leg.begins)] = arrived
    return arrived


class _Clock:
    """Turns working time into the time on the wall: a window stops the one and not the other."""

    def __init__(self, ledger: Ledger, window: Window | None, now: datetime) -> None:
        self._window = window
        self._localize = ledger.localize
        self._worked, self._at = timedelta(), now

    def at(self, worked: timedelta) -> datetime:
        """Return when so much will have been worked; must not be asked backwards."""
        while self._window is not None and self._worked <= worked:
            local = self._localize(self._at)
            opens = self._window.opens_after(local)
            if opens is not None:
                self._at = opens.astimezone(
                    UTC
                )  # by the clock on the wall a night may have 23 hours
            elif not self._window.open_at(local):
                break
            step = min(MINUTE, worked - self._worked)
            if not step:
                break
            self._at, self._worked = self._at + step, self._worked + step
        self._at, self._worked = self._at + worked - self._worked, worked
        return self._at


def _rates(ledger: Ledger) -> dict[str, float]:
    """Return bytes per second by node id, from each node's latest transfer."""
    rates = {}
    for job in ledger.jobs.values():
        for row in job.nodes.values():
            if row.transfer_seconds and job.size_bytes:
                rates[row.node_id] = job.size_bytes / max(row.transfer_seconds, 0.1)
    return rates


def _note(
    firmware: Firmware, node: Node, force: bool, signed: bool, counter: int | None
) -> str | None:
    if not force and runs_already(firmware.proof, firmware.md5_hash, node):
        return "running_it"
    if node.flash is not None and node.flash < firmware.size_bytes:
        return "no_room"
    if node.signing and not signed:
        return "unsigned"
    if node.signing and counter is not None and counter < (node.floor or 0):
        return "below_floor"
    if not node.online:
        return "never_heard" if node.last_heard is None else "away"
    return None if chip_known(firmware, node) else "chip_not_confirmed"


def _shown(
    firmware: Firmware, legs: list[Leg], canaries: list[str], clock: _Clock
) -> dict[str, Any]:
    moments = sorted(
        {leg.begins for leg in legs if leg.flies} | {leg.ends for leg in legs if leg.flies}
    )
    walls = {moment: clock.at(moment) for moment in moments}
    legs.sort(key=lambda leg: (leg.order is None, leg.order or 0))
    nodes = [_leg_shown(firmware, leg, walls) for leg in legs]
    first, last = (walls[moments[0]], walls[moments[-1]]) if moments else (None, None)
    return {
        "firmware_id": firmware.id,
        "version": firmware.version,
        "eligible": sum(leg.eligible for leg in legs),
        "canary_node_ids": canaries,
        "starts_at": first and first.isoformat(),
        "ends_at": last and last.isoformat(),
        "nodes": nodes,
    }


def _leg_shown(firmware: Firmware, leg: Leg, walls: dict[timedelta, datetime]) -> dict[str, Any]:
    seconds = firmware.size_bytes / leg.rate + leg.proving.total_seconds()
    return {
        "node_id": leg.node.node_id,
        "name": leg.node.name,
        "eligible": leg.eligible,
        "reason": leg.refusal.key if leg.refusal else leg.note,
        "refusal": leg.refusal,
        "from_version": leg.node.version,
        "size_bytes": firmware.size_bytes,
        "total_parts": -(-firmware.size_bytes // PART_SIZE),
        "minutes": round(seconds / 60, 1) if leg.eligible else None,
        "rate_from": leg.rate_from,
        "order": leg.order,
        "starts_at": walls[leg.begins].isoformat() if leg.flies else None,
        "ends_at": walls[leg.ends].isoformat() if leg.flies else None,
    }
