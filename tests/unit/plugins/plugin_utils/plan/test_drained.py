# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The units that site.yml asks for on a host that is out for maintenance."""

from __future__ import annotations

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.instance_files import worker_units

INSTANCES = [{"name": "mail-threads", "unit": "celery-worker@mail-threads.service", "scale": None}]


def test_a_drained_host_has_its_workers_stopped_and_not_started_at_boot() -> None:
    slice_, worker = worker_units(INSTANCES, drained=True)
    assert (worker["state"], worker["enabled"]) == ("stopped", False)
    assert slice_ == {"name": "celery.slice"}


def test_any_other_host_has_them_running() -> None:
    _slice, worker = worker_units(INSTANCES)
    assert (worker["state"], worker["enabled"]) == ("started", True)
    assert "/opt/celery/current" in worker["inputs"]
