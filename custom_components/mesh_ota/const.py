"""The numbers and names that more than one file needs, each number with its reason; no behaviour lives here."""

from datetime import timedelta
from typing import Final

DOMAIN: Final = "mesh_ota"
API: Final = "/api/mesh_ota/v1/"

# Words that both ends write (docs/gateway-api.md §4).
APP_BUNDLE: Final = "app-bundle"
ESP_IMAGE: Final = "esp-image"
MICROPYTHON: Final = "micropython"
ARDUINO: Final = "arduino"
HARDWARE_MICROPYTHON: Final = "ESP32-MPY"
HARDWARE_KNOWN: Final = ("ESP32", "ESP8266", HARDWARE_MICROPYTHON)
GATEWAY_TYPE: Final = "gateway"
UNKNOWN_VERSION: Final = "unknown"

NODE_TYPE_PATTERN: Final = r"[a-z0-9-]{1,30}"
VERSION_PATTERN: Final = r"[A-Za-z0-9.+_-]{1,20}"
# A painlessMesh node id is an unsigned 32-bit number that is never 0, written without leading zeros.
NODE_ID_PATTERN: Final = r"[1-9][0-9]{0,9}"
NODE_ID_MAX: Final = 2**32 - 1

# painlessMesh's OTA_PART_SIZE in the original sender; the node counts parts, not bytes.
PART_SIZE: Final = 1024
# The largest flash of an ESP32 module in use; also Home Assistant's own body limit.
IMAGE_MAX: Final = 16 * 1024 * 1024
# A node must hold the archive and the unpacked slot side by side on a 2 MiB filesystem; 4 MiB leaves room for bigger boards.
BUNDLE_MAX: Final = 4 * 1024 * 1024
# All images together: they are in every backup of Home Assistant. 16 images of the largest kind.
LIBRARY_MAX: Final = 256 * 1024 * 1024
# Reading every image takes a while: not while Home Assistant starts (s).
CHECK_DELAY: Final = 60
BUNDLE_FILES_MAX: Final = 200
# The node reads the manifest into memory before anything else.
MANIFEST_MAX: Final = 16 * 1024
# Room for multipart boundaries and the small fields beside the file.
UPLOAD_OVERHEAD: Final = 64 * 1024
RELEASE_NOTES_MAX: Final = 16 * 1024
FILENAME_MAX: Final = 100
# Admin JSON bodies: the longest is a list of node ids.
ADMIN_BODY_MAX: Final = 64 * 1024

# docs/gateway-api.md §2 and §3.
GATEWAY_BODY_MAX: Final = 16 * 1024
OPENING_BODY_MAX: Final = 1024
BLOCK_SIZE: Final = 4096
RANGE_MAX: Final = 256 * 1024
POLL_INTERVAL: Final = 60
WAIT_MAX: Final = 50
OPENINGS_MAX: Final = 4
OPENING_LIFETIME: Final = timedelta(seconds=60)
# A gateway with a lost key tries every 10 s to 60 s: so many within the window are not an accident.
WRONG_SIGNATURES_MAX: Final = 10
WRONG_SIGNATURES_WINDOW: Final = timedelta(minutes=10)

# Nodes that take parts at the same time: what a gateway is made for. Those of one job go together, so that each part
# is read from here, and crosses each link of the mesh, once.
MAX_PARALLEL: Final = 20
# With several images at a time such a gateway's heap decides, counted in nodes that take parts: each further image takes
# as much as two of them, and a node that is only known half as much as one. A house of seven with six types has room.
IMAGE_WEIGHT: Final = 2
SEVERAL_IMAGES_ROOM: Final = 23
# `targets` in the whole list (docs/gateway-api.md §4), whatever a gateway says it can hold: with eight jobs, each
# signed, and two keys such a list stays below its 16 KiB.
MAX_TARGETS: Final = 32
MAX_LISTED_JOBS: Final = 8
# The same for a gateway that does not say it (`max_targets`): what those made before could hold.
PARALLEL_UNTOLD: Final = 4
TARGETS_UNTOLD: Final = 8

# Three missed long polls (50 s and a reconnect each).
GATEWAY_SILENT: Final = timedelta(seconds=180)
# A gateway that restarts, or tries its own new firmware, is back by then.
GATEWAY_MISSED: Final = timedelta(minutes=15)
# A node says its status every 60 s; one may get lost.
NODE_SILENT: Final = timedelta(seconds=150)
# A tree of that many entries may have been cut (docs/gateway-api.md §5).
TREE_MAX: Final = 64

# Far more than one gateway carries; beyond it somebody in the mesh makes up node ids.
NODES_MAX: Final = 512

# How often deadlines are looked at, and the most that one look may add to a clock: the time in which Home
# Assistant slept or was stopped is nobody's fault.
TICK: Final = timedelta(seconds=5)
TICK_MAX: Final = timedelta(seconds=30)

# Deadlines (design: every state has one). All but the first count only while node and gateway are there.
# A week: a node that is switched on at weekends only is still served.
JOB_DEADLINE: Final = timedelta(days=7)
# A node asks for its first part within seconds of an offer; it tries ten times for 30 s at level 0.
OFFERED_DEADLINE: Final = timedelta(minutes=10)
# painlessMesh gives a part up after 300 s; twice that without one part is the end.
DOWNLOADING_DEADLINE: Final = timedelta(minutes=10)
# Hashing and unpacking 4 MiB on a slow flash takes less than a minute.
VERIFYING_DEADLINE: Final = timedelta(minutes=5)
# Three trials of 120 s, each with a restart before and after, twice over. Counts while the gateway is there.
RESTARTING_DEADLINE: Final = timedelta(minutes=15)
# A stock node cannot prove what it runs: it has to stay this long after it came back.
STOCK_SETTLED: Final = timedelta(minutes=10)
# … and to leave so many offers of the image unanswered.
STOCK_SILENT: Final = 2
# Downloads of one image by one node before the row fails.
MAX_ATTEMPTS: Final = 3

# "Update all" presses every Install button one after the other: those within this time become one job.
JOIN_WINDOW: Final = timedelta(seconds=2)
# Progress inside a state is not worth a write to an SD card more often (seconds).
PROGRESS_SAVE_DELAY: Final = 10
NODES_SAVE_DELAY: Final = 30

# How often it is looked whether something is due by itself.
AUTO_UPDATE_INTERVAL: Final = timedelta(minutes=5)

# The config entry's field with the gateway key in hex.
CONF_KEY: Final = "key"
