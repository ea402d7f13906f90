"""A flash in memory whose power can be cut at any operation. Runs on both Pythons.

It is harsher than littlefs2: a file opened for writing is empty at once, and a torn operation
leaves half of what was written. What was not closed is lost, as on littlefs2.
"""

from device.flash_files import FlashFiles


class PowerCut(BaseException):
    """Nothing in the device code may catch this, as nothing can catch the real one."""


class Flash:
    """What survives: the contents, and the count of operations that changed them."""

    def __init__(self, capacity=1000000):
        self.capacity = capacity
        self.contents = {}
        self.folders = set()
        self.operations = 0
        self.dies_at = 0  # the operation, counted from 1, in which the power goes; 0: never
        self.last_one = "absent"  # what becomes of that operation: absent, torn or complete
        self.is_off = False

    def copy(self):
        copied = Flash(self.capacity)
        copied.contents = dict(self.contents)
        copied.folders = set(self.folders)
        return copied

    def files(self):
        return RamFiles(self)

    def cut_at(self, operation, last_one):
        """Let the power go in that operation from now."""
        self.operations = 0
        self.dies_at, self.last_one = operation, last_one

    def switch_on(self):
        self.is_off = False
        self.dies_at = 0

    def changes(self, complete, torn=None):
        """Do one operation, or let the power go in it."""
        if self.is_off:
            raise PowerCut
        self.operations += 1
        if self.operations != self.dies_at:
            complete()
            return
        self.is_off = True
        if self.last_one == "complete":
            complete()
        elif self.last_one == "torn" and torn is not None:
            torn()
        raise PowerCut


class RamFiles(FlashFiles):
    """The door that the device code uses, on that flash."""

    def __init__(self, flash):
        super().__init__("")
        self.flash = flash

    def open(self, name, mode):
        if mode == "rb":
            return Reading(self._content(name))
        if "/" in name and name.rsplit("/", 1)[0] not in self.flash.folders:
            raise OSError(2)
        kept = self._content(name) if mode == "r+b" else b""
        if mode == "ab":
            kept = self.flash.contents.get(name, b"")
        self.flash.changes(lambda: self._set(name, kept))
        return Writing(self, name, kept, 0 if mode == "r+b" else len(kept))

    def rename(self, old, new):
        content = self._content(old)

        def complete():
            self._set(new, content)
            del self.flash.contents[old]

        self.flash.changes(complete)

    def remove(self, name):
        self._content(name)
        self.flash.changes(lambda: self.flash.contents.pop(name))

    def make_folder(self, name):
        if name in self.flash.folders or name in self.flash.contents:
            raise OSError(17)
        self.flash.changes(lambda: self.flash.folders.add(name))

    def remove_folder(self, name):
        if self.names(name) or name not in self.flash.folders:
            raise OSError(39)
        self.flash.changes(lambda: self.flash.folders.remove(name))

    def size(self, name):
        return len(self.flash.contents[name]) if name in self.flash.contents else -1

    def names(self, folder):
        everything = list(self.flash.contents) + list(self.flash.folders)
        below = [name[len(folder) + 1 :] for name in everything if name.startswith(folder + "/")]
        return sorted([name for name in below if "/" not in name])

    def is_folder(self, name):
        return name in self.flash.folders

    def free(self):
        used = sum(
            [(len(content) + 4095) // 4096 * 4096 for content in self.flash.contents.values()]
        )
        return max(0, self.flash.capacity - used), 4096

    def _content(self, name):
        if self.flash.is_off:
            raise PowerCut
        if name not in self.flash.contents:
            raise OSError(2)
        return self.flash.contents[name]

    def _set(self, name, content):
        self.flash.contents[name] = content


class Reading:
    def __init__(self, content):
        self._content = content
        self._at = 0

    def read(self, size=-1):
        found = self._content[self._at :] if size < 0 else self._content[self._at :][:size]
        self._at += len(found)
        return found

    def readinto(self, buffer):
        found = self._content[self._at : self._at + len(buffer)]
        memoryview(buffer)[: len(found)] = found
        self._at += len(found)
        return len(found)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass


class Writing:
    def __init__(self, files, name, kept, at):
        self._files = files
        self._name = name
        self._content = bytearray(kept)
        self._at = at

    def seek(self, at):
        self._at = at

    def write(self, content):
        free = self._files.free()[0]

        def complete():
            if len(content) > free:
                raise OSError(28)
            self._content.extend(bytes(max(0, self._at - len(self._content))))
            self._content[self._at : self._at + len(content)] = content
            self._at += len(content)

        self._files.flash.changes(complete)
        return len(content)

    def close(self):
        whole = bytes(self._content)
        half = whole[: len(whole) // 2]
        self._files.flash.changes(
            lambda: self._files._set(self._name, whole), lambda: self._files._set(self._name, half)
        )

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if not self._files.flash.is_off:
            self.close()
