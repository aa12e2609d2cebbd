"""Where the lab's images come from: the machine's own apt sources, turned to another release."""

from __future__ import annotations

from lab.image import sources_from


def test_mirrors_of_the_machine_serve_another_release() -> None:
    listed = (
        "Debian|bookworm|http://mirror.example/debian/\n"
        "Debian|bookworm-updates|http://mirror.example/debian/\n"
        "Debian|bookworm-security|http://mirror.example/debian-security/\n"
        "Somebody|stable|http://other.example/\n"
    )
    assert sources_from(listed, "trixie") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian-security/ trixie-security main",
        "deb http://mirror.example/debian/ trixie-updates main",
    ]


def test_a_machine_without_debian_sources_leaves_the_choice_to_mmdebstrap() -> None:
    assert sources_from("Ubuntu|noble|http://archive.example/ubuntu/\n", "bookworm") == []
    assert sources_from("", "bookworm") == []


def test_an_image_never_comes_from_security_updates_alone() -> None:
    assert sources_from("Debian|bookworm-security|http://mirror.example/debian-security/\n", "trixie") == []
