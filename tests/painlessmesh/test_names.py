"""The names that painlessmesh offers. Runs on both Pythons."""

import painlessmesh


def test_public_names_lead_to_their_modules():
    from painlessmesh import (
        GatewaySide,
        Link,
        Links,
        Mesh,
        NodeSide,
        Offer,
        Receiver,
        Sender,
        level1_gateway,
        ota,
    )

    assert GatewaySide is level1_gateway.GatewaySide and Offer is ota.Offer
    for found in (Link, Links, Mesh, NodeSide, Receiver, Sender):
        assert isinstance(found, type)


def test_modules_can_be_imported_from_the_package():
    from painlessmesh import mesh, protocol

    assert mesh.Mesh is painlessmesh.Mesh and protocol.LEVEL_1 == 71


def test_a_name_that_does_not_exist_is_an_attribute_error():
    for name in ("Nothing", "nothing"):
        try:
            getattr(painlessmesh, name)
        except AttributeError:
            continue
        raise AssertionError(name)
