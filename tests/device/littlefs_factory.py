"""Makes the image of a flash: `micropython THIS_FILE FOLDER IMAGE BLOCKS` puts a folder's files onto a new littlefs2."""

import os
import sys

import vfs

folder, image, blocks = sys.argv[1], sys.argv[2], int(sys.argv[3])
BLOCK = 4096


class Chip:
    def __init__(self):
        self.content = bytearray(b"\xff" * (BLOCK * blocks))

    def readblocks(self, number, buffer, offset=0):
        start = number * BLOCK + offset
        buffer[:] = memoryview(self.content)[start : start + len(buffer)]

    def writeblocks(self, number, buffer, offset=0):
        start = number * BLOCK + offset
        self.content[start : start + len(buffer)] = buffer

    def ioctl(self, operation, number):
        return {4: blocks, 5: BLOCK}.get(operation, 0)


def copy(below):
    for entry in os.ilistdir(folder + below):
        name = below + "/" + entry[0]
        if entry[1] & 0x4000:
            os.mkdir("/flash" + name)
            copy(name)
        else:
            with open(folder + name, "rb") as source, open("/flash" + name, "wb") as target:
                target.write(source.read())


chip = Chip()
vfs.VfsLfs2.mkfs(chip)
vfs.mount(vfs.VfsLfs2(chip), "/flash")
copy("")
vfs.umount("/flash")
with open(image, "wb") as file:
    file.write(chip.content)
