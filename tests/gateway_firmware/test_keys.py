"""The gateway's keys: drawn once, never lost to a power cut, shown as docs/gateway-api.md §1 says."""

import base64
import hashlib
import itertools
import json

import pytest

from device.flash_files import FlashFiles
from gateway import keys


@pytest.fixture
def files(tmp_path):
    return FlashFiles(str(tmp_path))


def counting():
    numbers = itertools.count(1)
    return lambda length: bytes([next(numbers)]) * length


def test_the_documented_key_has_the_documented_setup_key():
    text = keys.setup_key(bytes(range(32)))
    assert text == "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4IB-CEQT-CQKR-MFYY-DENB-WHA5-DYPQ-M"


@pytest.mark.parametrize("seed", range(20))
def test_a_setup_key_is_base32_and_a_check_character(seed):
    key = hashlib.sha256(bytes([seed])).digest()
    text = keys.setup_key(key).replace("-", "")
    assert base64.b32decode(text[:52] + "====") == key
    assert text[52] == base64.b32encode(hashlib.sha256(key).digest())[:1].decode()


def test_keys_are_drawn_at_the_first_boot_and_the_same_at_the_next(files):
    first = keys.load(files, counting())
    assert (first.gateway, first.mesh) == (b"\x01" * 32, b"\x02" * 32)
    second = keys.load(files, counting())
    assert (second.gateway, second.mesh) == (first.gateway, first.mesh)


def test_keys_are_written_as_hex_under_their_names(files, tmp_path):
    drawn = keys.load(files, counting())
    written = json.loads((tmp_path / "keys.json").read_text())
    assert written == {"gateway_key": drawn.gateway.hex(), "mesh_key": drawn.mesh.hex()}


def test_a_mesh_key_that_was_deployed_first_is_kept(files, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"mesh_key": "ab" * 32}))
    assert keys.load(files, counting()).mesh == b"\xab" * 32
    assert keys.load(files, counting()).gateway == b"\x01" * 32


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"gateway_key": "zz", "mesh_key": "00"}', '{"gateway_key": 7, "mesh_key": 8}'],
)
def test_damaged_keys_are_never_replaced(files, tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(keys.KeysDamaged, match=r"keys\.json"):
        keys.load(files, counting())
    assert path.read_text() == content


def test_a_power_cut_while_the_keys_are_written_leaves_none(files, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "rename", lambda _old, _new: (_ for _ in ()).throw(OSError(5)))
    with pytest.raises(OSError, match="5"):
        keys.load(files, counting())
    assert not (tmp_path / "keys.json").exists()
