"""Why a row waits or how it ended: one plain English sentence per reason code, for the person who can act.

What a node or its gateway gives as the reason has sentences of its own (`SAID`), which end in the words that came with it.
"""

SENTENCES = {
    # pending
    "never_heard": "Not heard yet; it will be offered when it joins.",
    "away": "Not heard since {since}; it will be offered when it joins.",
    "gateway_away": "Its gateway has not been heard since {since}; it goes on when the gateway calls.",
    "gateway_never_heard": "Its gateway has not called yet; it goes on when the gateway calls.",
    "told": "Its gateway has been told, and offers it the firmware next.",
    "other_firmware": "Waits for its turn; the gateway brings only a few kinds of firmware to its nodes at a time.",
    "turn": "Waits for its turn; the gateway serves {most} nodes at a time.",
    "other_job": "Waits for job {number}, which came before it.",
    "chip_not_confirmed": "A C++ node does not say which chip it has: make a job for this node alone once.",
    "paused": "Paused; it goes on when the job is resumed.",
    "window": "Waits for its time window, which opens on {opens}.",
    "window_condition": "Waits until {condition} allows it.",
    "window_template": "Waits until the template of its time window allows it.",
    "image_lost": "The stored image of {version} is damaged; it goes on when the same file has been uploaded again.",
    "canary": "Waits until the first nodes have proved the firmware: {nodes}.",
    "soak": "Waits until {until}, while the first nodes are watched.",
    "commit_turn": "Has the whole firmware; it restarts when those before it have proved theirs.",
    "carries": "Waits for node {node}, which hangs on it.",
    "gateway_last": "Waits until no node is being updated; a gateway comes last.",
    "old_backup": (
        "Paused: Home Assistant was restored from an older backup, and this job may be out of date. "
        "Resume or cancel it."
    ),
    "not_committed": "It restarted without trying the new firmware; it is offered again.",
    # only in a flight plan
    "no_room": "The firmware is larger than the room that the node has for it.",
    "unsigned": "The node takes signed firmware only, and this is not signed.",
    "below_floor": "The node has confirmed a newer signed firmware; it takes this one as a signed downgrade only.",
    # started
    "left_midway": "Left at {since}; it goes on when it is back.",
    "on_trial": "The new firmware is on trial.",
    "trial_retry": (
        "The new firmware did not reach mesh or gateway; the node is back on the old one and tries "
        "again by itself. {said}"
    ),
    "trial_power": "The power was cut during the trial; it starts again. {said}",
    "settling": "Back since {since}; a C++ node counts as updated after {minutes} minutes.",
    # how it ended
    "not_proved": "Installed, not proved: a C++ node cannot say what it runs.",
    "unfit": "It has become a node that this firmware is not for.",
    "running_it": "It runs this firmware already.",
    "cancelled": "Cancelled.",
    "superseded": "Job {number} took its place before it started.",
    "gateway_removed": "Its gateway was removed from Home Assistant.",
    "node_removed": "It was removed from Home Assistant.",
    "refused": "The node went back to its old firmware. {said}",
    "wrong_proof": "It restarted, but the files it runs are not those of this firmware.",
    "no_reaction": "It did not ask for the firmware within {minutes} minutes after the offer.",
    "no_progress": "It took no further part within {minutes} minutes.",
    "not_verified": "It did not finish checking the firmware within {minutes} minutes.",
    "not_back": "It did not come back within {minutes} minutes after its restart.",
    "too_often": "It took the firmware {attempts} times and never started it.",
    "canary_failed": "Stopped: the first node {node} did not prove the firmware.",
    "threshold": "Stopped after {failures} failures.",
    "unhealthy": "Stopped: after the first nodes were updated, something looks wrong: {suspicious}.",
    "deadline": "The job's time of {days} days is over.",
    "gateway_said": "The gateway gave up: {code}.",
    "gateway_gave_up": "The gateway gave up and did not say why.",
    # how it ended, as the node or its gateway saw it
    "said_role": "The node says that this firmware is for another type. {said}",
    "said_hardware": "The node says that this firmware is for other hardware. {said}",
    "said_kind": "The node says that this firmware is for another kind of board. {said}",
    "said_refused": "This firmware failed its trial on the node before; with force it is tried again. {said}",
    "said_space": "The node has no room for this firmware. {said}",
    "said_other": "What arrived at the node is not what was announced. {said}",
    "said_bundle": "The node found something wrong in the bundle. {said}",
    "said_image": "The node found something wrong in the image. {said}",
    "said_micropython": "The firmware needs a newer MicroPython than the node has. {said}",
    "said_signature": "The node did not accept the signature of the firmware. {said}",
    "said_flash": "The node could not write to its flash. {said}",
    "said_no_answer": "It did not react in time. {said}",
    "no_nodes": "No node of this type turned up within {days} days.",
}


# Codes of docs/mesh-protocol.md §6, and the gateway's own.
SAID = {
    code: f"said_{code}"
    for code in (
        "role", "hardware", "kind", "refused", "space", "bundle", "image", "micropython", "signature", "flash",
        "no_answer",
    )
} | dict.fromkeys(("md5", "sha256", "size"), "said_other")  # fmt: skip


def sentence(reason: str, **placeholders: str | int) -> str:
    """Return the sentence of a reason code with its gaps filled."""
    return SENTENCES[reason].format(**placeholders).strip()
