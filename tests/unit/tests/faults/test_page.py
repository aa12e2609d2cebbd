"""The page of reliability: a run replaces its own row, and leaves all others alone."""

from __future__ import annotations

from dataclasses import replace

from faults.figures import Figures
from faults.page import BEGIN, END, HEAD, PAGE, row, with_row
from faults.site import BROKERS, Site
from faults.table import FAULTS

FOUND = Figures(
    sent=300, done=297, lost=2, early_lost=1, twice=4, early_twice=0, resumed=20.04, restarts=3, hand="",
)  # fmt: skip
EMPTY = f"# Title\n\n{BEGIN}\n{END}\n\nThe rest.\n"
ORDER, ON = ["kill", "cut"], ["redis", "rabbitmq"]


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if "make test-faults F=" in line]


def test_a_row_says_all() -> None:
    assert row("kill", "KILL", "redis", FOUND) == (
        "| KILL | redis | 300 | 297 | 2, early 1 | 4 | 20.0 s | 3 | no | `make test-faults F=kill B=redis` |"
    )
    assert "| make room |" in row("kill", "SIGKILL", "redis", replace(FOUND, hand="make room"))


def test_rows_stand_by_fault_then_broker() -> None:
    text = EMPTY
    for fault, broker in (("cut", "redis"), ("kill", "rabbitmq"), ("kill", "redis")):
        text = with_row(text, row(fault, fault, broker, FOUND), ORDER, ON)
    assert [line.split(" | ")[:2] for line in rows(text)] == [
        ["| kill", "redis"], ["| kill", "rabbitmq"], ["| cut", "redis"],
    ]  # fmt: skip
    assert text.startswith(f"# Title\n\n{BEGIN}\n\n{HEAD[0]}\n{HEAD[1]}\n")
    assert text.endswith(f"\n\n{END}\n\nThe rest.\n")


def test_a_run_replaces_its_row_and_drops_those_of_faults_that_are_no_more() -> None:
    text = with_row(EMPTY, row("kill", "old words", "redis", FOUND), ORDER, ON)
    text = with_row(text, row("cut", "cut", "redis", FOUND), ORDER, ON)
    text = with_row(text, row("kill", "new words", "redis", FOUND), ORDER, ON)
    assert [line.split(" | ")[0] for line in rows(text)] == ["| new words", "| cut"]
    assert len(rows(with_row(text, row("kill", "kill", "redis", FOUND), ["kill"], ON))) == 1


def test_the_page_knows_every_row_that_it_has() -> None:
    known = {f"`make test-faults F={fault} B={broker}`" for fault in FAULTS for broker in BROKERS}
    assert {line.rstrip("| ").rpartition("| ")[2] for line in rows(PAGE.read_text())} <= known


def test_each_fault_is_told_by_words_of_its_own_and_each_broker_has_an_inventory() -> None:
    assert len({fault.words for fault in FAULTS.values()}) == len(FAULTS)
    assert all(Site(broker).inventory.exists() for broker in BROKERS)
