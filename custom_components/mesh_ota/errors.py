"""What can go wrong, named by who can act; each error carries a translation key and its placeholders, no sentence.

The sentences stand in `translations/en.json` under `exceptions.<key>.message`, once for Home Assistant's own
interface and once more for the `message` of the HTTP API (`sentence`). A test walks every key that is raised.
"""

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self


class MeshOtaError(Exception):
    """Base of all. `key` is the translation key, `placeholders` fill it, `status` is the HTTP answer's."""

    status: ClassVar[int] = 500

    def __init__(self, key: str, **placeholders: str | int) -> None:
        """Name the sentence and fill its gaps."""
        super().__init__(key, placeholders)
        self.key = key
        self.placeholders = {name: str(value) for name, value in placeholders.items()}


class InvalidImage(MeshOtaError):
    """The file is not what it should be: whoever made or chose it has to act."""

    status = 400


class InvalidRequest(MeshOtaError):
    """A field is missing or malformed: the caller has to act."""

    status = 400


class NotFound(MeshOtaError):
    """There is no such firmware, job or node."""

    status = 404


class Conflict(MeshOtaError):
    """It would contradict what there is already: wait, delete or choose another version."""

    status = 409


class TooLarge(MeshOtaError):
    """More bytes than will ever be taken."""

    status = 413


class Unfit(MeshOtaError):
    """The firmware and the target do not belong together."""

    status = 422


class StorageFailed(MeshOtaError):
    """Home Assistant's disk did not do its part: full, read-only or damaged."""

    status = 507

    @classmethod
    def of(cls, error: OSError) -> Self:
        """Say what the operating system said."""
        if error.errno == errno.ENOSPC:
            return cls("storage_full")
        return cls("storage_failed", reason=error.strerror or str(error))


def load_sentences() -> dict[str, str]:
    """Read the English sentences, by key. Blocks: call it in the executor."""
    path = Path(__file__).parent / "translations" / "en.json"
    exceptions = json.loads(path.read_text(encoding="utf-8")).get("exceptions", {})
    return {key: entry["message"] for key, entry in exceptions.items()}


def sentence(sentences: Mapping[str, str], error: MeshOtaError) -> str:
    """Return the error as one English sentence; its key where the table has none."""
    text = sentences.get(error.key, error.key)
    for name, value in error.placeholders.items():
        text = text.replace("{" + name + "}", value)
    return text
