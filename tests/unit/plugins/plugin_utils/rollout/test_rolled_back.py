# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A release that the fleet went back from is not deployed again by the next site.yml."""

from __future__ import annotations

import pytest
from ansible import context
from ansible.utils.vars import load_extra_vars
from ansible_collections.celeryops.systemd.plugins.filter.app import release_choice
from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout.rolled_back import Choice, choose


def test_a_fleet_that_went_back_stays_and_says_so() -> None:
    found = choose("bad", "good", "bad", named=False)
    assert (found.release, found.forget) == ("good", False)
    assert found.note == (
        "the fleet went back from release bad and stays on good: change the app, or play deploy, or site "
        "with -e celery_app_release=bad"
    )


@pytest.mark.parametrize(
    ("packed", "current", "rolled_back", "named", "forget"),
    [
        ("new", "good", "", False, False),
        ("new", "good", "bad", False, True),
        ("bad", "good", "bad", True, True),
        ("good", "good", "bad", False, False),
        ("bad", "bad", "bad", False, True),
        ("bad", "", "bad", False, True),
    ],
    ids=[
        "never back",
        "another release",
        "named",
        "source went back too",
        "runs again",
        "a host without any",
    ],
)
def test_else_it_is_the_inventorys(
    packed: str, current: str, rolled_back: str, named: bool, forget: bool
) -> None:
    assert choose(packed, current, rolled_back, named) == Choice(packed, forget=forget)


def test_who_deploys_or_names_it_on_the_command_line_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"releases": ["bad", "good"], "release": "good", "rolled_back": "bad"}

    def extra(*words: str) -> None:
        monkeypatch.setattr(context, "CLIARGS", {"extra_vars": words})
        monkeypatch.setattr(load_extra_vars, "extra_vars", None, raising=False)

    extra()
    assert release_choice(facts, "bad", 5)["release"] == "good"
    assert release_choice(facts, "bad", 5, deploys=True)["release"] == "bad"
    extra("celery_app_release=bad")
    assert release_choice(facts, "bad", 5)["release"] == "bad"


def test_what_has_ended_goes_after_the_link_is_switched() -> None:
    facts = {"releases": ["bad", "good"], "release": "good", "rolled_back": "bad"}
    paths = [entry["path"] for entry in release_choice(facts, "new", "1")["files"]]  # type: ignore[arg-type]
    assert paths == [
        "/opt/celery/releases/new",
        "/opt/celery/releases/good",
        "/opt/celery/releases/new/.deployed",
        "/opt/celery/current",
        "/opt/celery/.rolled_back",
    ]
    stays = release_choice(facts, "bad", 5)
    assert (stays["files"][-1]["path"], stays["files"][-1]["target"]) == (
        "/opt/celery/current",
        "releases/good",
    )
    assert "went back from release bad" in stays["note"]
