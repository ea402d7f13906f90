"""The table of tolerance (8), row by row: what we take from others, and never say ourselves. Runs on both Pythons."""

from painlessmesh.mesh import Mesh
from painlessmesh.ota import Sender
from painlessmesh.protocol import decode, encode
from tests.painlessmesh.mesh_net import START, identified, take_all
from tests.painlessmesh.test_ota_receiver import MD5, announcement, data, names, receiver, taking
from tests.painlessmesh.test_ota_sender import raises, request, sender

US, PEER, FAR = 1111111111, 2222222222, 3333333333


def heard(frame, *more):
    """What our application hears of these frames of a neighbour, and what it answers."""
    mesh, texts = Mesh(US), []
    mesh.on_receive(lambda sender_id, msg: texts.append((sender_id, msg)))
    link = identified(mesh, PEER)
    for one in (frame,) + more:
        mesh.receive(link, one + b"\0", START)
    return texts, [decode(answer[:-1]) for answer in take_all(link)]


def tree_after(frame):
    """Our tree and whether the link lives, after a first node sync."""
    mesh = Mesh(US)
    link = mesh.link_up(START, False)
    mesh.receive(link, frame + b"\0", START)
    return sorted(mesh.tree()), link.closing == ""


def without(package, key):
    return {name: package[name] for name in package if name != key}


# Tolerated everywhere


def test_extra_keys_another_order_white_space_and_slashes_are_taken():
    frame = (
        b' {\r\n "msg" : "a\\/b" , "x":{"y":[1]}, "from":2222222222,"dest":1111111111, "type":9 } '
    )
    assert heard(frame)[0] == [(PEER, "a/b")]


def test_type_from_and_part_numbers_may_be_floats_or_in_quotes():
    assert heard(b'{"type":"9","dest":1111111111,"from":2222222222.0,"msg":"m"}')[0] == [
        (PEER, "m")
    ]
    assert names(taking(noPart="5").data(data(0, partNo="0", noPart=5.0), 1)) == ["part", "request"]
    assert sender().on_request(request(0, partNo="0", noPart="5"), 0).part == 0


def test_a_node_sync_without_one_of_its_ids_or_with_a_wrong_dest_is_taken():
    for frame in (
        b'{"type":6,"from":2222222222}',
        b'{"type":6,"nodeId":2222222222}',
        b'{"type":6,"nodeId":2222222222,"from":2222222222,"dest":5}',
    ):
        assert tree_after(frame) == ([(PEER, US)], True)


def test_empty_subs_and_a_false_root_are_taken():
    for more in (b'"subs":[]', b'"subs":null', b'"root":false'):
        assert tree_after(b'{"type":6,"nodeId":2222222222,' + more + b"}") == ([(PEER, US)], True)


def test_a_message_that_is_no_text_is_delivered_as_its_json():
    frame = b'{"type":9,"dest":1111111111,"from":2222222222,"msg":%s}'
    assert heard(frame % b"5")[0] == [(PEER, "5")]
    assert heard(frame % b'{"a":1}')[0] == [(PEER, '{"a":1}')]
    assert heard(b'{"type":9,"dest":1111111111,"from":2222222222}')[0] == [(PEER, "null")]


def test_the_url_alphabet_of_base64_is_taken():
    payload = b"\xfb\xff\xfe" * 341 + b"\xfb"
    encoded = data(0, payload)["data"].replace("+", "-").replace("/", "_")
    assert taking().data(data(0, payload, data=encoded), 1)[0][2] == payload


def test_packages_of_an_update_without_routing_are_taken_from_a_neighbour():
    mesh, taken = Mesh(US), []
    for package_type in (10, 11, 12):
        mesh.on_package(package_type, lambda package, *_: taken.append(package["type"]))
    link = identified(mesh, PEER)
    for package_type in (10, 11, 12):
        mesh.receive(link, b'{"from":2222222222,"type":%d}\0' % package_type, START)
    assert taken == [10, 11, 12]


# Row by row: what is taken


def test_dest_as_a_float_or_in_quotes_is_ours():
    for dest in (b"1111111111.0", b'"1111111111"'):
        texts, _ = heard(b'{"type":9,"dest":' + dest + b',"from":2222222222,"msg":"m"}')
        assert texts == [(PEER, "m")]


def test_a_single_without_dest_is_dropped():
    assert heard(b'{"type":9,"from":2222222222,"msg":"m"}')[0] == []


def test_ids_in_subs_as_floats_or_in_quotes_can_be_routed_to():
    for far in (b"3333333333.0", b'"3333333333"'):
        frame = b'{"type":6,"nodeId":2222222222,"subs":[{"nodeId":' + far + b"}]}"
        assert tree_after(frame) == ([(PEER, US), (FAR, PEER)], True)


def test_a_float_as_node_id_is_read():
    assert tree_after(b'{"type":6,"nodeId":2222222222.0,"from":5}') == ([(PEER, US)], True)


def test_an_id_of_33_bits_falls_back_to_from_and_without_one_closes():
    assert tree_after(b'{"type":6,"nodeId":4294967296,"from":2222222222}') == ([(PEER, US)], True)
    assert tree_after(b'{"type":6,"nodeId":4294967296}') == ([], False)


def test_a_one_is_a_true_flag():
    assert names(receiver().announce(announcement(forced=1), 0, 0)) == ["begin", "request"]
    mesh = Mesh(US)
    link = mesh.link_up(START, False)
    mesh.receive(link, b'{"type":6,"nodeId":2222222222,"root":1}\0', START)
    assert mesh.contains_root()


def test_routing_as_a_float_or_in_quotes_counts():
    mesh, seen = Mesh(US), []
    mesh.on_package(42, lambda *package: seen.append(package))
    link = identified(mesh, PEER)
    for way in (b'"1"', b"1.0"):
        frame = b'{"type":42,"routing":' + way + b',"dest":3333333333,"from":2222222222}\0'
        mesh.receive(link, frame, START)
    assert seen == []  # they were for another node


def test_stamps_that_are_no_uint32_count_as_zero():
    for stamp in (b"-1", b"4294967296", b"null", b"[]"):
        frame = b'{"type":4,"dest":1111111111,"from":2222222222,"msg":{"type":1,"t0":' + stamp
        assert heard(frame + b"}}")[1][0]["msg"]["t0"] == 0


def test_an_announcement_without_role_hardware_from_md5_or_parts_is_ignored():
    for key in ("role", "hardware", "from", "md5", "noPart"):
        assert receiver().announce(without(announcement(), key), 0, 0) == []


def test_a_part_without_role_hardware_from_md5_or_parts_is_ignored():
    for key in ("role", "hardware", "from", "md5", "noPart"):
        assert taking().data(without(data(0), key), 1) == []


def test_base64_without_padding_or_with_a_line_end_is_read_right():
    payload = bytes(range(256)) * 4
    encoded = data(0, payload)["data"]
    for said in (encoded.rstrip("="), encoded + "\n"):
        assert taking().data(data(0, payload, data=said), 1)[0][2] == payload


def test_unicode_escapes_are_read():
    assert heard(b'{"type":8,"dest":0,"from":2222222222,"msg":"\\u00e4"}')[0] == [(PEER, "\xe4")]


def test_an_md5_in_upper_case_is_nobodys():
    assert receiver().announce(announcement(md5=MD5.upper()), 0, 0) == []
    assert sender().on_request(request(0, md5=MD5.upper()), 0) is None


# Row by row: what we never say


def said_by_us():
    """One frame of every kind that we send."""
    mesh = Mesh(US)
    mesh.root = True
    link = identified(mesh, PEER)
    other = mesh.link_up(START, True)
    mesh.receive(
        other, b'{"type":6,"nodeId":3333333333,"subs":[{"nodeId":4000000000}]}\0', START + 1000
    )
    mesh.receive(link, b'{"type":4,"dest":1,"from":2222222222,"msg":{"type":0}}\0', START)
    mesh.tick(START + 60_000_000)
    mesh.send_single(PEER, '\xe4"\n')
    mesh.send_broadcast("text")
    made = sender(size=2500)
    mesh.send(made.announcement(PEER))
    found = made.on_request(request(0), 0)
    mesh.send(made.data_package(found, bytes(1024)))
    mesh.send(made.data_package(made.on_request(request(2), 0), b"\xff" * 452))
    for event in taking(forced=True)._ask(0):
        mesh.send(event[1])
    return take_all(link) + take_all(other)


def test_numbers_go_out_as_numbers_flags_as_flags_and_what_is_absent_not_at_all():
    frames = said_by_us()
    assert len(frames) >= 10
    for frame in frames:
        assert b"null" not in frame and b'"root":1' not in frame and b'"forced":1' not in frame
        for key in (b"type", b"from", b"dest", b"routing", b"nodeId", b"noPart", b"partNo", b"t0"):
            for piece in frame.split(b'"' + key + b'":')[1:]:
                value = piece.split(b",")[0].split(b"}")[0]
                assert value == b"{" or not value.strip(b"0123456789"), frame


def test_no_frame_has_white_space_or_unicode_escapes():
    for frame in said_by_us():
        assert b"\\u" not in frame and b": " not in frame and b", " not in frame


def test_base64_goes_out_padded_and_without_a_line_end():
    parts = [decode(frame[:-1])["data"] for frame in said_by_us() if b'"type":12' in frame]
    assert [len(part) for part in parts] == [1368, 604]
    assert parts[0][-1] == "=" and "\n" not in "".join(parts)


def test_every_single_has_its_dest_and_every_part_its_keys():
    for package in [decode(frame[:-1]) for frame in said_by_us()]:
        if package["type"] in (9, 11, 12):
            assert package["dest"] and package["from"]
        if package["type"] in (10, 11, 12):
            assert package["role"] and package["hardware"] and package["noPart"]
            assert package["md5"] == MD5


def test_no_id_of_zero_or_of_33_bits_is_ever_announced():
    made = Sender(US)
    assert made.node_id == US
    for frame in said_by_us():
        assert b'"nodeId":0' not in frame
    assert raises(encode, (("msg", "\0"),))
