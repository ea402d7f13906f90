"""What a release is made of: files for people who never clone. scripts/release calls it.

The same sources and the same tools give the same bytes. Nothing is signed or uploaded here; the release
workflow does that.
"""
