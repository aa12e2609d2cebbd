# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a fleet as a person and as a program meet it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.action.json_file import read, write
from ansible_collections.celeryops.systemd.plugins.filter.report import fleet_plan
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import worker_plan
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.table import Column, table

FACTS = {"celeryops": {"cores": 4, "memory_mb": 8192}}
QUEUES: dict[str, Any] = {
    "images": {},
    "mail": {"workload": "io", "max_concurrency": 50},
    "video": {"autoscale": True, "weight": 4},
}
GROUPS = {f"celery_queue_{queue}": ["w1", "w2"] for queue in QUEUES}
CHANGES = [
    {
        "name": "mail-threads",
        "action": "restart",
        "why": "worker-mail-threads.env changed",
        "numbers": [{"number": "concurrency", "now": "40", "planned": "50"}],
    },
    {"name": "old-prefork", "action": "stop", "why": "left the inventory", "numbers": []},
]
KNOWN = {"facts": FACTS["celeryops"], "seen": {}}


def hostvars() -> dict[str, dict[str, Any]]:
    """One host that is planned, one that is refused, one of which nothing is known."""
    plan = worker_plan(QUEUES, "w1", GROUPS, FACTS, {})
    return {
        "w1": {"outlook": {"plan": plan, "problems": [], "changes": CHANGES, "known": KNOWN}},
        "w2": {"outlook": {"plan": {}, "problems": ["w2: too small"], "changes": [], "known": KNOWN}},
        "w3": {},
    }


def video_bounds() -> str:
    bounds = worker_plan(QUEUES, "w1", GROUPS, FACTS, {})["instances"][2]["autoscale"]
    assert bounds
    return f"{bounds['min']}-{bounds['max']}"


def planned(*hosts: str) -> dict[str, Any]:
    return fleet_plan(hostvars(), hosts or ["w1", "w2", "w3"], outlook="outlook")


def test_every_host_has_its_rows() -> None:
    rows = planned()["rows"]
    assert [(row["host"], row["instance"], row.get("then")) for row in rows] == [
        ("w1", "images-prefork", None),
        ("w1", "mail-threads", "restart"),
        ("w1", "video-prefork", None),
        ("w1", "old-prefork", "stop"),
        ("w1", "(kept free)", None),
        ("w2", "refused", None),
        ("w3", "not known", None),
    ]
    assert sum(row.get("max", 0) for row in rows) <= 8192
    assert rows[2]["slots"] == video_bounds()


def test_the_numbers_that_move_have_a_row_each() -> None:
    assert planned()["changes"] == [
        {
            "host": "w1",
            "name": "mail-threads",
            "action": "restart",
            "number": "concurrency",
            "now": "40",
            "planned": "50",
        },
        {"host": "w1", "name": "old-prefork", "action": "stop", "number": "left the inventory"},
    ]


def test_the_notes() -> None:
    total, refused, unknown = planned()["notes"]
    assert total.startswith("3 instances with ")
    assert refused == "site.yml would refuse, and change nothing: see w2"
    assert unknown == "not planned, nothing is known of them: w3"
    assert planned("w1")["notes"][1] == "site.yml would: restart 1, stop 1"
    assert planned()["problems"] == ["w2: too small"]


def test_nothing_to_do_is_said() -> None:
    calm = hostvars()
    calm["w1"]["outlook"]["changes"] = []
    assert fleet_plan(calm, ["w1"], outlook="outlook")["notes"][1] == "site.yml would change nothing"


def test_of_nobody_nothing_is_said() -> None:
    assert len(planned("w3")["notes"]) == 2


def test_each_number_has_its_reason_within_the_width() -> None:
    lines = planned()["whys"]
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    for instance in worker_plan(QUEUES, "w1", GROUPS, FACTS, {})["instances"]:
        for number, why in instance["why"].items():
            assert re.search(rf"\b{number}( \S+)?: {re.escape(why)}", text), number
    assert f"autoscale {video_bounds()}: " in text


def test_the_document_is_json_and_the_same_again(tmp_path: Path) -> None:
    document = planned()["document"]
    write(tmp_path / "plan.json", document)
    write(tmp_path / "again.json", planned()["document"])
    assert (tmp_path / "plan.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    assert read(tmp_path / "plan.json") == json.loads(json.dumps(document))
    assert document["totals"]["changes"] == {"restart": 1, "stop": 1}
    assert document["unknown"] == ["w3"]


def test_what_is_known_is_saved_of_those_that_answered() -> None:
    assert planned()["known"] == {"hosts": {"w1": KNOWN, "w2": KNOWN}}


def test_a_large_fleets_table_fits_100_columns() -> None:
    queues: dict[str, Any] = {f"a-queue-with-a-long-name-{number}": {"concurrency": 1} for number in range(3)}
    groups = {f"celery_queue_{queue.replace('-', '_')}": ["worker-17.example.org"] for queue in queues}
    facts = {"celeryops": {"cores": 512, "memory_mb": 4_000_000}}
    plan = worker_plan(queues, "worker-17.example.org", groups, facts, {})
    outlook = {"plan": plan, "problems": [], "changes": [], "known": KNOWN}
    rows = fleet_plan({"worker-17": {"outlook": outlook}}, ["worker-17"], outlook="outlook")["rows"]
    titles = ["host", "instance", "slots", "high mb", "max mb", "recycle", "weight", "tasks", "files"]
    titles += ["stop s", "then"]
    columns = [Column(title.split()[0], title) for title in titles]
    assert max(map(len, table(rows, columns))) <= 100


def test_what_it_writes_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text("{}")
    path.chmod(0o644)
    write(path, {"a": 1})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["facts.json"]


def test_a_file_that_is_no_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match="not a JSON object"):
        read(tmp_path / "list.json")


def test_hosts_are_a_list() -> None:
    with pytest.raises(TypeError, match="hosts must be a list, not str"):
        fleet_plan({}, "w1", outlook="outlook")
