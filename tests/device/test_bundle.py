"""What a node takes for an app-bundle and what it refuses. Runs on both Pythons."""

import io

from device import manifest
from device.bundle import LARGEST, BundleReader, checking, read_manifest
from tests.device import made_bundles as made


def judge(content):
    """Read a bundle as a node does; answers its manifest."""
    reader = BundleReader(io.BytesIO(content))
    described = read_manifest(reader)
    for _ in checking(reader, dict(described["files"].items()), bytearray(512), [].append):
        pass
    return described


def refused(content):
    code, reason = made.refusal(judge, content)
    assert code == "bundle", (code, reason)
    return reason


def with_member(*extra):
    """A good manifest and its files, with something more in the archive."""
    files = made.application()
    members = [made.member("manifest.json", made.manifest(files))]
    members += [made.member(name, files[name]) for name in sorted(files)]
    return made.archive(members + list(extra))


def listing(name, content=b"x"):
    """A bundle whose manifest and archive both name that file."""
    return made.archive(
        [made.member("manifest.json", made.manifest({name: content})), made.member(name, content)]
    )


def test_a_good_bundle_is_read_whole():
    described = judge(made.bundle())
    assert described["version"] == "1.0.0"
    assert sorted(described["files"]) == sorted(made.application())


def test_the_buffer_may_be_smaller_or_larger_than_a_file():
    content = made.bundle()
    for length in (1, 511, 513, 8192):
        reader = BundleReader(io.BytesIO(content))
        described = read_manifest(reader)
        assert list(checking(reader, described["files"], bytearray(length), [].append)) is not None
        assert len(described["files"]) == 0


def test_a_name_that_leaves_the_slot_is_refused():
    for name in ("../boot.py", "node/../../boot.py", "/boot.py", "node//app.py", "./node/app.py"):
        assert "leave its folder" in refused(listing(name)), name
        assert "leave its folder" in refused(with_member(made.member(name, b"x"))), name


def test_an_odd_name_is_refused():
    for name in ("a" * 101, "node\\app.py", "c:/app.py", "node/app .py"):
        assert "oddly spelt" in refused(listing(name[:101])), name
    for raw in (b"", b"node/\xff.py", b"node/\x07.py", b"n\xc3\xb6de/app.py"):
        assert "oddly spelt" in refused(with_member(made.member(raw, b"x"))), raw


def test_a_name_that_lies_too_deep_is_refused():
    """Folders are walked by recursion, at each boot."""
    deepest = "a/" * 7 + "b.py"
    assert deepest in judge(listing(deepest))["files"]
    assert "too deep" in refused(listing("a/" + deepest))
    assert "too deep" in refused(with_member(made.member("a/" + deepest, b"x")))


def test_everything_but_a_regular_file_is_refused():
    for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"x", b"g", b"L", b"K", b"\x00"):
        assert "not a regular file" in refused(with_member(made.member("node/b.py", b"", kind)))
    linked = made.member("node/b.py", b"", b"0", b"/etc/passwd")
    assert "not a regular file" in refused(with_member(linked))


def test_a_file_that_is_there_twice_is_refused():
    again = made.member("node/app.py", made.application()["node/app.py"])
    assert "there twice" in refused(with_member(again))
    assert "there twice" in refused(with_member(made.member("manifest.json", b"{}")))


def test_a_file_that_the_manifest_does_not_name_is_refused():
    assert "not in the manifest" in refused(with_member(made.member("node/b.py", b"x")))


def test_a_missing_file_is_refused():
    files = made.application()
    members = [made.member("manifest.json", made.manifest(files))]
    members += [made.member(name, files[name]) for name in sorted(files)[1:]]
    assert "device/__init__.py is missing" in refused(made.archive(members))


def test_a_file_with_another_content_is_refused():
    files = made.application()
    members = [made.member("manifest.json", made.manifest(files))]
    files["node/app.py"] = files["node/app.py"][:-1] + b"!"
    members += [made.member(name, files[name]) for name in sorted(files)]
    assert "node/app.py is not what the manifest says" in refused(made.archive(members))


def test_a_size_beyond_the_archive_is_refused():
    files = {"node/app.py": b"x"}
    first = made.member("manifest.json", made.manifest(files))
    short = made.header(b"node/app.py", 100000) + bytes(2048)
    assert "ends in the middle" in refused(first + short)
    assert "bytes long" in refused(first + made.header(b"node/app.py", LARGEST + 1) + bytes(2048))


def test_a_size_that_is_no_number_is_refused():
    for size in (
        b"\x80" + bytes(10) + b"\x05",
        b"00000000-10\x00",
        b"            ",
        b"9" * 11 + b"\x00",
    ):
        header = bytearray(made.header(b"node/app.py", 0))
        header[124:136] = size
        header[148:156] = b" " * 8
        header[148:156] = "{:06o}".format(sum(header)).encode() + b"\x00 "
        assert "no number" in refused(with_member(bytes(header))), size


def test_a_header_with_one_flipped_bit_is_refused():
    content = bytearray(made.bundle())
    for at in (0, 50, 130, 156, 257, 400, 511):
        content[at] ^= 4
        reason = refused(bytes(content))
        assert "checksum" in reason or "number" in reason, (at, reason)
        content[at] ^= 4


def test_an_archive_that_is_no_plain_ustar_is_refused():
    first = made.header(b"manifest.json", 2, magic=b"ustar  \x00")
    assert "plain ustar" in refused(first + bytes(1536))
    first = made.header(b"manifest.json", 2, prefix=b"folder")
    assert "plain ustar" in refused(first + bytes(1536))


def test_a_truncated_archive_is_refused_wherever_it_ends():
    content = made.bundle()
    for end in range(0, len(content) - 512, 256):
        refused(content[:end])


def test_only_zeros_may_follow_the_end():
    assert judge(made.bundle() + bytes(9000))["format"] == 1
    assert "behind the end" in refused(made.bundle() + b"\x01")
    assert "behind the end" in refused(made.bundle() + bytes(5000) + b"\x01")
    assert "behind the end" in refused(made.bundle()[:-512] + b"\x01" * 512)


def test_the_manifest_must_come_first():
    files = made.application()
    described = made.member("manifest.json", made.manifest(files))
    members = [made.member(name, files[name]) for name in sorted(files)]
    assert "first file" in refused(made.archive(members + [described]))
    assert "first file" in refused(made.archive([]))


def test_a_manifest_that_cannot_be_used_is_refused():
    for text in (b"", b"{", b"[]", b"null", b"\xff\xfe{}", b"[" * 5000):
        assert "manifest" in refused(made.archive([made.member("manifest.json", text)])), text[:9]
    for change in (
        {"format": 2},
        {"format": "1"},
        {"node_type": "PIR"},
        {"node_type": ""},
        {"node_type": "p" * 31},
        {"version": "1 0"},
        {"version": 1},
        {"version": "1" * 21},
        {"hardware": None},
        {"micropython": "new"},
        {"files": []},
        {"files": {}},
        {"files": {"node/app.py": "0" * 63}},
        {"files": {"node/app.py": "G" * 64}},
        {"files": {"node/app.py": 5}},
        {"files": {"manifest.json": "0" * 64}},
        {"files": {"node": "0" * 64, "node/app.py": "0" * 64}},
    ):
        text = made.manifest({}, **change)
        reason = refused(made.archive([made.member("manifest.json", text)]))
        assert reason.startswith("The bundle cannot be used: "), (change, reason)


def test_a_manifest_beyond_its_limits_is_refused():
    long = made.member("manifest.json", made.manifest(made.application()) + b" " * 16384)
    assert "longer than 16384" in refused(made.archive([long]))
    many = {}
    for number in range(201):
        many["n/{}".format(number)] = "0" * 64
    text = made.manifest({}, files=many)
    assert len(text) <= 16384
    assert "1 to 200 files" in refused(made.archive([made.member("manifest.json", text)]))


def test_versions_are_compared_as_numbers():
    assert (
        manifest.version_numbers("1.9")
        < manifest.version_numbers("1.24.0")
        < manifest.version_numbers("1.26.1")
    )
    assert manifest.version_numbers("1.24") == manifest.version_numbers("1.24.0")
    assert manifest.version_numbers("1.29.0-preview") == (1, 29, 0)


def test_a_manifest_is_read_alike_however_it_is_spelt():
    files = made.application()
    plain = made.manifest(files)
    expected = {name: made.sha256(content) for name, content in files.items()}
    for text in (
        plain,
        plain.replace(b": ", b":").replace(b", ", b","),
        plain.replace(b": ", b" :\n  ").replace(b", ", b",\r\n\t").replace(b"}", b" \n}"),
        plain.replace(b"node/app.py", b"node\\/app.py"),
        plain.replace(b'"files"', b'"notes": {"files": {}}, "files"'),
        plain.replace(b'"files": {', b'"files": {"node/app.py": "' + b"0" * 64 + b'", '),
    ):
        listed = manifest.parse(text)["files"]
        assert dict(listed.items()) == expected
        for name, digest in expected.items():
            assert name in listed
            assert listed.pop(name, None) == digest
            assert name not in listed
            assert listed.pop(name, None) is None
        assert len(listed) == 0
        assert list(listed) == []


def test_a_hash_that_is_spelt_like_a_name_is_no_name():
    digest = "ab" * 32
    listed = manifest.parse(made.manifest({}, files={"a.py": digest, "b.py": digest}))["files"]
    assert digest not in listed
    assert sorted(listed) == ["a.py", "b.py"]
