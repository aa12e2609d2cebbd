"""The comparison behind "check mode tells the truth"."""

from __future__ import annotations

from integration.predict import changes, describe


def record(outcome: str, **values: object) -> dict[str, object]:
    return {"host": "w1", "task": "T", "outcome": outcome, "changed_paths": [], "restarted": [], **values}


def test_only_changed_results_count() -> None:
    assert changes([record("ok", changed_paths=["/etc/x"]), record("skipped")]) == set()


def test_paths_and_restarts_are_changes_of_their_own() -> None:
    found = changes([record("changed", changed_paths=["/etc/x"], restarted=["a.service"])])
    assert found == {("w1", "T", ""), ("w1", "T", "/etc/x"), ("w1", "T", "restart a.service")}


def test_nothing_to_say_is_no_line() -> None:
    assert describe("title", set()) == []
    assert describe("title", {("w1", "T", "/etc/x")}) == ["title", "  w1: T /etc/x"]
