"""Fault 12 of the system that this one follows, in the protocol (the list: tests/mesh_ota/test_faults.py). Runs on both Pythons."""

from tests.painlessmesh.test_ota_receiver import MD5, announcement, asked, data, names, taking

OTHER_MD5 = "0" * 32


def test_fault_12_another_image_never_resumes_in_the_middle_of_the_first():
    made = taking()
    made.data(data(0), 0)
    assert made.part == 1
    assert names(made.announce(announcement(md5=OTHER_MD5), 1)) == ["begin"]
    assert asked(made.tick(1)) == 0
    assert made.data(data(1), 1) == made.data(data(0, md5=MD5), 1) == []
    assert made.data(data(0, md5=OTHER_MD5), 1)[0][:2] == ("part", 0)
