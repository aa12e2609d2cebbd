# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The release that the fleet rolls back to, or why there is none."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.filter.rollout import rollout_target
from unit.plugins.plugin_utils.rollout.hosts import facts, host, seen, worker


def target(wanted: str = "", **fleet: dict[str, Any]) -> tuple[str, list[str]]:
    found = rollout_target(seen(fleet), facts(fleet), wanted)
    return found["release"], found["problems"]


def test_without_a_name_it_is_the_release_before() -> None:
    w1 = host(worker("mail", release="c"), release="c", releases=("c", "b", "a"))
    w2 = host(release="c", releases=("d", "c", "b"))
    assert target(w1=w1, w2=w2) == ("b", [])


def test_a_release_that_failed_is_not_the_one_before_but_may_be_named() -> None:
    w1 = host(release="c", releases=("c", "b", "a"), failed=("b",))
    assert target(w1=w1) == ("a", [])
    assert target("b", w1=w1) == ("b", [])


def test_a_name_is_taken_where_every_host_keeps_it() -> None:
    w1 = host(release="c", releases=("c", "b", "a"))
    assert target("a", w1=w1, w2=w1) == ("a", [])


def test_a_release_that_a_host_lacks_is_refused_with_what_it_has() -> None:
    w1, w2 = host(release="c", releases=("c", "b", "a")), host(release="c", releases=("c", "b"))
    assert target("a", w1=w1, w2=w2) == (
        "",
        [
            "w2: celery_app_release = a: this host does not keep it; it has c, b; name one of those, or "
            "deploy it"
        ],
    )


def test_a_run_that_was_interrupted_goes_to_the_same_release_again() -> None:
    kept = ("c", "b", "a")
    switched = host(worker("mail", release="b"), release="b", releases=kept)
    fleet: dict[str, Any] = {"w1": switched, "w2": host(release="c", releases=kept)}
    assert target(**fleet) == ("b", [])
    # Only what a host leaves is remembered.
    (marks,) = rollout_target(seen(fleet), facts(fleet))["files"].items()
    assert (marks[0], [mark["content"] for mark in marks[1]]) == ("w2", ["c\n"])
    restarting = host(worker("mail", release="c"), release="b", releases=kept)
    assert target(w1=switched, w2=restarting) == ("b", [])


def test_without_an_older_release_there_is_no_way_back() -> None:
    assert target(w1=host(release="a", releases=("b", "a"))) == (
        "",
        [
            "w1: celery_app_release = '': there is none before a; this host has b, a; deploy the one that "
            "you want"
        ],
    )


def test_hosts_that_disagree_about_the_one_before_want_a_name() -> None:
    release, problems = target(
        w1=host(release="c", releases=("c", "b", "a")), w2=host(release="c", releases=("c", "a"))
    )
    assert release == ""
    assert problems[0] == (
        "w1: celery_app_release = '': here the one before is b, and not so on every host; "
        "name the one for all: -e celery_app_release=b"
    )
