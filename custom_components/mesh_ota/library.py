"""The firmware library: its rows, and the images as files named by their SHA-256 beside the store.

Two rows with the same bytes share one file; it goes with the last of them. All that touches the disk runs in the
executor, one job per call.
"""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .blobs import damaged_rows, look_over, place, prunable, read_range
from .const import DOMAIN, LIBRARY_MAX
from .deflated import DeflatedImages
from .errors import Conflict, NotFound, StorageFailed
from .firmware.passport import Passport, inspect
from .firmware.record import Firmware, version_key
from .intake import check_words, clean_filename, identity_of, runtime_of
from .jobs.fit import chip_known, why_not
from .nodes import Node
from .read_ahead import ReadAhead
from .store import MeshOtaStore

# The library's method `list` hides the builtin inside the class.
type Rows = list[Firmware]
type Listeners = list[Callable[[int], None]]


class FirmwareLibrary:
    """All firmware by id."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Empty until `async_load`."""
        self._hass = hass
        self.folder = Path(hass.config.path(".storage", DOMAIN))
        self.deflated = DeflatedImages(self.folder)
        self.rows: dict[int, Firmware] = {}
        self.damaged: set[int] = set()
        """Ids whose image is missing or has another size than it should."""
        self.in_use: Callable[[int], bool] = lambda _firmware_id: False
        self.keeps: Callable[[Firmware], bool] = lambda _row: False
        """Whether a node runs the image or could go back to it: then it is never pruned."""
        self.most = LIBRARY_MAX
        """Bytes of all images together, beyond which the oldest that nobody needs go."""
        self._no_room = False
        self._next_id = 1
        self._store = MeshOtaStore(hass, "library", self._stored)
        self._lock = asyncio.Lock()
        self._ahead = ReadAhead(self._async_read)
        self._listeners: Listeners = []

    def _stored(self) -> dict[str, Any]:
        return {"next_id": self._next_id, "firmware": [f.as_dict() for f in self.rows.values()]}

    async def async_load(self) -> None:
        """Read the rows, and look whether their images are there."""
        stored = await self._store.async_load()
        if stored is not None:
            self._next_id = stored["next_id"]
            self.rows = {row["id"]: Firmware(**row) for row in stored["firmware"]}
        rows = tuple(self.rows.values())
        self.damaged = await self._hass.async_add_executor_job(look_over, self.folder, rows)
        await self._hass.async_add_executor_job(self.deflated.look, rows)

    @callback
    def async_listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener(firmware id)` after each change. Returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def get(self, firmware_id: int) -> Firmware:
        """Return one row. Raises NotFound."""
        if firmware_id not in self.rows:
            raise NotFound("unknown_firmware", firmware=firmware_id)
        return self.rows[firmware_id]

    def list(self, node_type: str | None = None) -> Rows:
        """Return all rows, or those of one type, newest version first."""
        rows = [row for row in self.rows.values() if node_type in (None, row.node_type)]
        return sorted(rows, key=lambda row: (version_key(row.version), row.id), reverse=True)

    def find(self, node_type: str, version: str, hardware: str) -> Firmware | None:
        """Return the row with this unique key."""
        key = (node_type, version, hardware)
        rows = self.rows.values()
        return next((r for r in rows if (r.node_type, r.version, r.hardware) == key), None)

    def by_proof(self, proof: str | None) -> Firmware | None:
        """Return the newest row whose image gives this proof."""
        return next((row for row in self.list() if proof and row.proof == proof), None)

    def by_md5(self, md5: str | None) -> Firmware | None:
        """Return the newest row whose image has this MD5."""
        return next((row for row in self.list() if md5 and row.md5_hash == md5), None)

    def fitting(self, node: Node) -> Rows:
        """Return what the node could run, newest version first."""
        rows = self.list(node.node_type) if node.node_type else []
        return [row for row in rows if why_not(row, node) is None and chip_known(row, node)]

    def newest_for(self, node: Node) -> Firmware | None:
        """Return the newest fitting firmware; only stable ones where nobody knows what the node runs."""
        rows = self.fitting(node)
        if node.version is None:
            rows = [row for row in rows if row.is_stable]
        return rows[0] if rows else None

    async def async_inspect(
        self, path: Path, hardware: str | None = None, runtime: str | None = None
    ) -> Passport:
        """Return what a file is, without taking it in. Raises as `async_add`."""
        return await self._run(lambda: inspect(path, hardware=hardware, runtime=runtime))

    async def async_add(
        self,
        path: Path,
        filename: str,
        node_type: str | None = None,
        version: str | None = None,
        hardware: str | None = None,
        release_notes: str = "",
        is_stable: bool = False,
        runtime: str | None = None,
    ) -> Firmware:
        """Take a file in. Type and version may be left out where the file says them.

        Raises InvalidImage, InvalidRequest, TooLarge, Conflict (there already) or StorageFailed; then nothing has
        changed.
        """
        check_words(node_type, version, release_notes)
        passport = await self.async_inspect(path, hardware, runtime)
        identity = identity_of(passport, node_type, version)
        async with self._lock:
            there = self.find(*identity)
            if there and there.id in self.damaged and there.sha256 == passport.sha256:
                return await self._mend(there, path)
            self._check_new(*identity)
            await self._make_room(passport)
            await self._run(lambda: place(path, self.folder, passport.sha256))
            row = Firmware(
                id=self._next_id,
                node_type=identity[0],
                version=identity[1],
                hardware=identity[2],
                filename=clean_filename(filename),
                size_bytes=passport.size,
                md5_hash=passport.md5,
                sha256=passport.sha256,
                kind=passport.kind,
                runtime=runtime_of(passport),
                chip=passport.chip,
                proof=passport.proof,
                release_notes=release_notes,
                is_stable=is_stable,
                created_at=dt_util.utcnow().isoformat(),
            )
            self._next_id += 1
            await self._run(lambda: self.deflated.make(row))
            await self._take_in(row)
        return row

    async def _take_in(self, row: Firmware) -> None:
        """Add a row whose image lies there; one that cannot be written down is no row."""
        self.rows[row.id] = row
        self.damaged -= {other.id for other in self.rows.values() if other.sha256 == row.sha256}
        try:
            await self._changed(row.id)
        except StorageFailed:
            del self.rows[row.id]
            await self._sweep(row)
            self._tell(row.id)
            raise

    async def _mend(self, row: Firmware, path: Path) -> Firmware:
        """Put the same bytes back where an image was lost or damaged."""
        await self._run(lambda: place(path, self.folder, row.sha256))
        same = {other.id for other in self.rows.values() if other.sha256 == row.sha256}
        self.damaged -= same
        for firmware_id in same:
            await self._changed(firmware_id)
        return row

    async def _make_room(self, passport: Passport) -> None:
        """Delete what nobody needs, oldest first, until an image fits under the cap. Raises Conflict."""
        if any(row.sha256 == passport.sha256 for row in self.rows.values()):
            return
        excess = self.size + passport.size - self.most
        going = prunable(self.rows.values(), self._needed, excess)
        if going is None:
            raise Conflict("library_full", most=self.most // 2**20)
        for row in going:
            await self._drop(row)

    def _needed(self, row: Firmware) -> bool:
        return self.in_use(row.id) or self.keeps(row)

    @property
    def size(self) -> int:
        """Bytes of all images together; rows with the same bytes share one."""
        return sum({row.sha256: row.size_bytes for row in self.rows.values()}.values())

    async def async_check_images(self) -> None:
        """Read every image and compare it with its hash; takes its time, for after the start."""
        rows = tuple(self.rows.values())
        found = await self._run(lambda: damaged_rows(self.folder, rows))
        for firmware_id in found ^ (self.damaged & {row.id for row in rows}):
            if firmware_id in self.rows:
                self.damaged ^= {firmware_id}
                await self._changed(firmware_id)
        whole = [row for row in self.rows.values() if row.id not in self.damaged]
        await self._run(lambda: self.deflated.check(whole))
        self._ahead.forget()

    async def async_update(
        self,
        firmware_id: int,
        is_stable: bool | None = None,
        release_notes: str | None = None,
    ) -> Firmware:
        """Change what a user may change; None leaves it. Raises NotFound or InvalidRequest."""
        check_words(None, None, release_notes or "")
        row = self.get(firmware_id)
        stable = row.is_stable if is_stable is None else is_stable
        notes = row.release_notes if release_notes is None else release_notes
        row = self.rows[firmware_id] = replace(row, is_stable=stable, release_notes=notes)
        await self._changed(firmware_id)
        return row

    async def async_delete(self, firmware_id: int) -> Firmware:
        """Delete a row, and its image with the last row that has it. Raises NotFound, Conflict or StorageFailed."""
        async with self._lock:
            row = self.get(firmware_id)
            if self.in_use(firmware_id):
                raise Conflict("firmware_in_use", firmware=firmware_id)
            await self._drop(row)
        return row

    async def _drop(self, row: Firmware) -> None:
        del self.rows[row.id]
        self.damaged.discard(row.id)
        # The row first: a file without a row is swept at the next start, a row without a file is a damage.
        try:
            await self._changed(row.id)
        except StorageFailed:
            self.rows[row.id] = row
            self._tell(row.id)
            raise
        await self._sweep(row)

    async def _sweep(self, row: Firmware) -> None:
        """Remove the image of a row that is gone, unless another row has it too."""
        if all(other.sha256 != row.sha256 for other in self.rows.values()):
            await self._run(lambda: self._unlink(row))

    def _unlink(self, row: Firmware) -> None:
        self.path(row).unlink(missing_ok=True)
        self.deflated.remove(row.sha256)

    def path(self, row: Firmware) -> Path:
        """Return where the image lies."""
        return self.folder / f"{row.sha256}.bin"

    async def async_read_range(
        self, firmware_id: int, start: int, end: int, deflated: bool = False
    ) -> bytes:
        """Return bytes start to end (exclusive) of the image, or of it deflated. Raises NotFound or StorageFailed."""
        row = self.get(firmware_id)
        path = self.deflated.path(row.sha256) if deflated else self.path(row)
        try:
            found = await self._ahead.async_read(path, start, end)
            if len(found) == end - start:
                return found
            raise StorageFailed("image_missing", firmware=row.id)
        except StorageFailed:
            await self._look_again(row)
            raise

    async def _look_again(self, row: Firmware) -> None:
        """Find out at once whether an image is lost: its jobs wait then, instead of failing node by node."""
        if await self._run(lambda: damaged_rows(self.folder, (row,))):
            self.damaged |= {r.id for r in self.rows.values() if r.sha256 == row.sha256}
        else:
            await self._run(lambda: self.deflated.check([row]))
        await self._changed(row.id)

    async def _async_read(self, path: Path, start: int, end: int) -> bytes:
        return await self._run(lambda: read_range(path, start, end))

    async def async_part_path(self) -> Path:
        """Return a path for an upload that is still arriving; what is left behind is swept at the next start."""
        path = self.folder / f"{uuid4().hex}.part"
        await self._run(lambda: self.folder.mkdir(parents=True, exist_ok=True))
        return path

    def _check_new(self, node_type: str, version: str, hardware: str) -> None:
        if self.find(node_type, version, hardware) is not None:
            raise Conflict(
                "firmware_exists", node_type=node_type, version=version, hardware=hardware
            )

    async def _changed(self, firmware_id: int) -> None:
        self._ahead.forget()
        self._store.touch()
        self._tell(firmware_id)
        await self._store.async_settle()

    @property
    def full(self) -> bool:
        """Whether the disk had no room the last time, for an image or for the rows."""
        return self._no_room or self._store.failed

    @property
    def settled(self) -> bool:
        """Whether the disk has what the rows are."""
        return self._store.settled

    async def async_settle(self) -> None:
        """Write what the disk did not take before. Raises StorageFailed."""
        await self._store.async_settle()

    def _tell(self, firmware_id: int) -> None:
        for listener in tuple(self._listeners):
            listener(firmware_id)

    async def _run[T](self, job: Callable[[], T]) -> T:
        try:
            done = await self._hass.async_add_executor_job(job)
            self._no_room = False
            return done
        except OSError as err:
            self._no_room = err.errno == errno.ENOSPC
            self._tell(0)
            raise StorageFailed.of(err) from err
