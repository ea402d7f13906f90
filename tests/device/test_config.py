"""config.json: what a person may write wrongly, and the sentence that says so."""

import json
from pathlib import Path

import pytest

from device import config

ROOT = Path(__file__).parents[2]
MESH = {"prefix": "house", "password": "long enough", "channel": 6}
NODE = {"node_type": "pir", "mesh": MESH, "mesh_key": "ab" * 32}
GATEWAY = {
    "node_type": "gateway",
    "mesh": MESH,
    "router": {"ssid": "home", "password": "secret"},
    "home_assistant": {"url": "http://192.168.1.2:8123"},
}


def test_what_is_not_said_has_a_default():
    checked = config.check(NODE)
    assert checked["name"] == "pir"
    assert checked["zone"] == ""
    assert checked["accept_level_0"] is False
    assert checked["pins"] == {}
    assert checked["sensor"] == {"kind": "dht11", "interval": 10}
    assert checked["mesh"] == dict(MESH, hidden=False, port=5555)


def test_a_gateway_needs_a_router_and_home_assistant_but_no_mesh_key():
    checked = config.check(GATEWAY)
    assert checked["router"] == {"ssid": "home", "password": "secret"}
    assert checked["home_assistant"]["url"] == "http://192.168.1.2:8123"
    with pytest.raises(config.ConfigError, match="router"):
        config.check({**GATEWAY, "router": None})


def test_the_shipped_example_is_a_good_config():
    example = ROOT / "node_firmware" / "config.example.json"
    assert config.load(str(example))["node_type"] == "pir"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"node_type": "PIR!"}, "node_type may hold only"),
        ({"node_type": ""}, "node_type must be a text of 1 to 30"),
        ({"node_type": None}, "node_type must be a text"),
        ({"name": "x" * 31}, "name must be a text of 1 to 30"),
        ({"zone": "top floor"}, "zone may hold only"),
        ({"mesh": "house"}, "mesh must be a JSON object"),
        ({"mesh": {**MESH, "prefix": ""}}, r"mesh\.prefix"),
        ({"mesh": {**MESH, "password": "short"}}, r"mesh\.password must be a text of 8 to 63"),
        ({"mesh": {**MESH, "channel": 14}}, r"mesh\.channel must be a number from 1 to 13"),
        ({"mesh": {**MESH, "channel": True}}, r"mesh\.channel"),
        ({"mesh": {**MESH, "hidden": 1}}, r"mesh\.hidden must be true or false"),
        ({"mesh": {**MESH, "port": 0}}, r"mesh\.port"),
        ({"mesh_key": "AB" * 32}, "mesh_key must be"),
        ({"mesh_key": "ab"}, "mesh_key must be"),
        ({"accept_level_0": "no"}, "accept_level_0 must be true or false"),
        ({"pins": {"pir": "four"}}, r"pins\.pir must be a number from 0 to 48"),
        ({"pins": {"pir": 49}}, r"pins\.pir"),
        ({"sensor": {"kind": "bmp"}}, r"sensor\.kind must be dht11 or dht22"),
        ({"sensor": {"interval": 1}}, r"sensor\.interval must be a number from 2"),
    ],
)
def test_a_wrong_field_is_named_in_a_sentence(change, sentence):
    with pytest.raises(config.ConfigError, match=sentence):
        config.check({**NODE, **change})


def test_an_address_of_home_assistant_needs_its_scheme():
    with pytest.raises(config.ConfigError, match="http://"):
        config.check({**GATEWAY, "home_assistant": {"url": "homeassistant.local:8123"}})


def test_a_missing_file_says_what_to_run(tmp_path):
    with pytest.raises(config.ConfigError, match="scripts/deploy"):
        config.load(str(tmp_path / "config.json"))


def test_a_file_that_is_not_json_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{")
    with pytest.raises(config.ConfigError, match="not valid JSON"):
        config.load(str(path))
    path.write_text(json.dumps([1]))
    with pytest.raises(config.ConfigError, match="one JSON object"):
        config.load(str(path))
