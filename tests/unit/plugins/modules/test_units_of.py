# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What instance_info asks systemd for, by what lies in the configuration."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.celeryops.systemd.plugins.modules.instance_info import units_of


def test_a_stray_file_is_passed_over(tmp_path: Path) -> None:
    for name in ("worker-mail-prefork.env", "worker-.env", "worker-mail copy.env", "app.env"):
        (tmp_path / name).touch()
    asked = units_of(tmp_path, ["redis.service"])
    workers = [unit for unit in asked if unit.startswith("celery-worker@")]
    assert workers == ["celery-worker@mail-prefork.service", "celery-worker@*.service"]
    assert asked[-1] == "redis.service"
