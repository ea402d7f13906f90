"""Makes firmware out of this repository: app-bundles, and the first flash contents of a board.

`bundle.build` is what scripts/build-firmware calls, and tests and the demo with it. The format is
docs/app-bundle.md; what a board accepts of it is decided by `device.bundle`, which judges every
bundle before it leaves here.
"""
