"""Packages as bytes and back. Runs on both Pythons."""

from painlessmesh import protocol
from painlessmesh.protocol import decode, encode, flag, number, routing, text, u32


def test_every_package_goes_out_with_the_bytes_of_the_specification():
    md5 = "e0ccfdbafdd6de45dd1c93de26f389fe"
    stamps = (("type", 2), ("t0", 131013121), ("t1", 2926880231), ("t2", 2926880239))
    head = (("md5", md5), ("hardware", "ESP32"), ("role", "sensor"))
    for pairs, wire in (
        (
            (
                ("nodeId", 2222222222),
                ("root", None),
                ("subs", None),
                ("type", 5),
                ("dest", 0),
                ("from", 2222222222),
            ),
            b'{"nodeId":2222222222,"type":5,"dest":0,"from":2222222222}\0',
        ),
        (
            (("type", 4), ("dest", 1111111111), ("from", 2222222222), ("msg", (("type", 0),))),
            b'{"type":4,"dest":1111111111,"from":2222222222,"msg":{"type":0}}\0',
        ),
        (
            (("type", 3), ("dest", 1111111111), ("from", 3333333333), ("msg", stamps)),
            b'{"type":3,"dest":1111111111,"from":3333333333,"msg":{"type":2,"t0":131013121,"t1":2926880231,"t2":2926880239}}\0',
        ),
        (
            (("type", 8), ("dest", 0), ("from", 3333333333), ("msg", "hello all")),
            b'{"type":8,"dest":0,"from":3333333333,"msg":"hello all"}\0',
        ),
        (
            (("type", 9), ("dest", 1111111111), ("from", 3333333333), ("msg", '{"k":"v\\"q"}')),
            b'{"type":9,"dest":1111111111,"from":3333333333,"msg":"{\\"k\\":\\"v\\\\\\"q\\"}"}\0',
        ),
        (
            (("from", 1111111111), ("routing", 2), ("type", 10))
            + head
            + (("forced", None), ("noPart", 5), ("broadcasted", False)),
            (
                b'{"from":1111111111,"routing":2,"type":10,"md5":"e0ccfdbafdd6de45dd1c93de26f389fe","hardware":"ESP32",'
                b'"role":"sensor","noPart":5,"broadcasted":false}\0'
            ),
        ),
    ):
        assert encode(pairs) == wire


def test_text_goes_out_raw_and_never_as_unicode_escapes():
    assert encode((("msg", 'ä€\U0001f600\n\r\t\b\f"\\/'),)) == (
        '{"msg":"ä€\U0001f600\\n\\r\\t\\b\\f\\"\\\\/"}'.encode() + b"\0"
    )


def test_ready_json_goes_in_as_it_is():
    assert (
        encode((("subs", b'[{"nodeId":1}]'), ("on", True)))
        == b'{"subs":[{"nodeId":1}],"on":true}\0'
    )


def refused(pairs):
    try:
        encode(pairs)
    except ValueError:
        return True
    return False


def test_a_frame_of_4096_bytes_is_the_longest_that_goes_out():
    overhead = len(encode((("m", ""),)))
    assert len(encode((("m", "x" * (4096 - overhead)),))) == 4096
    assert refused((("m", "x" * (4097 - overhead)),))


def test_a_zero_byte_cannot_be_sent():
    assert refused((("m", "a\0b"),))


def test_what_is_written_is_read_back():
    words = 'line\n"quoted" \\ tab\t ä \U0001f600'
    assert decode(encode((("msg", words), ("n", 4294967295), ("f", False)))[:-1]) == {
        "msg": words,
        "n": 4294967295,
        "f": False,
    }


def test_white_space_and_slashes_are_tolerated():
    assert decode(b'\r\n {\n "a" : "x\\/y" }\r\n') == {"a": "x/y"}


def test_garbage_after_the_object_is_ignored():
    for tail in (b"}", b"garbage", b'{"b":2}', b"\xff\xfe", b"]]"):
        assert decode(b'{"a":{"s":"}\\"{"},"l":[1]}' + tail) == {"a": {"s": '}"{'}, "l": [1]}


def test_what_is_no_object_is_ignored():
    for frame in (
        b"[1]",
        b'"s"',
        b"5",
        b"null",
        b"",
        b" ",
        b"{",
        b'{"a":',
        b"}{",
        b"\xef\xbb\xbf{}",
        b"}}}",
    ):
        assert decode(frame) is None


def test_bytes_that_are_no_utf8_do_not_hide_a_package():
    assert decode(b'{"type":9,"msg":"21\xb0C"}') == {"type": 9, "msg": "21?C"}


def test_raw_control_characters_are_tolerated():
    assert decode(b'{"msg":"a\x01\tb"}') == {"msg": "a\x01\tb"}


def test_brackets_are_counted_before_anything_is_parsed():
    assert decode(b'{"a":' + b"[" * 511 + b"]" * 511 + b"}") is not None
    assert decode(b'{"a":' + b"[" * 512 + b"]" * 512 + b"}") is None
    assert decode(b"{}" + b"{" * 600) is None


def test_numbers_may_be_floats_or_in_quotes():
    for value in (5, 5.0, "5", "05"):
        assert u32({"k": value}, "k") == 5
    assert u32({"k": "4294967295"}, "k") == 4294967295


def test_what_is_no_uint32_counts_as_absent():
    for value in (
        -1,
        4294967296,
        "4294967296",
        "x",
        "",
        "-1",
        "1e3",
        "²",
        None,
        True,
        [],
        {},
        1e30,
        float("inf"),
        float("nan"),
    ):
        assert u32({"k": value}, "k") == 0
        assert number({"k": value}, "k", -7) == -7
    assert u32({}, "k") == 0


def test_texts_are_bounded():
    assert text({"k": "abc"}, "k", 3) == "abc"
    assert text({"k": "abcd"}, "k", 3) == ""
    for value in (5, None, ["a"]):
        assert text({"k": value}, "k") == ""


def test_flags_are_true_or_one():
    assert flag({"k": True}, "k")
    assert flag({"k": 1}, "k")
    for value in (False, 0, None, "true", [], 2):
        assert not flag({"k": value}, "k")
    assert not flag({}, "k")


def test_a_package_travels_as_its_type_says():
    for package_type, way in (
        (3, 1),
        (4, 0),
        (5, 0),
        (6, 0),
        (8, 2),
        (9, 1),
        (10, -1),
        (71, -1),
        (7, -1),
    ):
        assert routing({"type": package_type}) == way
        assert routing({"type": str(package_type)}) == way


def test_a_routing_key_overrides_the_type():
    assert routing({"type": 9, "routing": 2}) == protocol.TO_ALL
    assert routing({"type": 71, "routing": 1}) == protocol.TO_ONE
    assert routing({"type": 8, "routing": 0}) == protocol.TO_NEIGHBOUR
    assert routing({"type": 8, "routing": 7}) == protocol.TO_ALL
    assert routing({"type": 8, "routing": None}) == protocol.TO_ALL
    assert routing({}) == protocol.LOCAL


def test_only_lower_case_hex_of_the_right_length_is_hex():
    assert protocol.lower_hex("00ff", 4)
    for value in ("00FF", "00f", "00fff", "00fg", " 0ff"):
        assert not protocol.lower_hex(value, 4)


def test_a_quoted_text_is_read_back_whatever_is_in_it():
    for text_in in ("plain", 'a "b" \\ c', "line\nend\ttab\r", "ä€", ""):
        assert (
            decode(b'{"type":71,"body":' + protocol.quote(text_in).encode() + b"}")["body"]
            == text_in
        )
