"""What the inventory no longer puts on a host goes from there, and nothing else does."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.leaving import leaving

EVERYTHING = ("celery-beat.service", "celery-flower.service", "celery-worker@.service", "celery.slice")
WORKERS = ("mail-prefork",)
INSTANCE = ({"name": "mail-prefork"},)


@pytest.mark.parametrize(
    ("groups", "instances", "goes"),
    [
        ({}, (), ["celery_worker", "celery_beat", "flower", "resource_limits"]),
        ({"celery_beat": ["one"]}, (), ["celery_worker", "flower"]),
        ({"celery_flower": ["one"]}, (), ["celery_worker", "celery_beat"]),
        ({"celery_beat": ["two"], "celery_flower": ["two"]}, INSTANCE, ["celery_beat", "flower"]),
        ({"celery_beat": ["one"], "celery_flower": ["one"]}, INSTANCE, []),
    ],
)
def test_what_the_inventory_does_not_ask_for_goes(
    groups: dict[str, list[str]], instances: tuple[object, ...], goes: list[str]
) -> None:
    assert leaving("one", groups, instances, EVERYTHING, WORKERS) == goes


def test_a_bare_host_has_nothing_to_leave() -> None:
    assert leaving("one", {}, (), (), ()) == []
