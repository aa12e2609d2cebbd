# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``scale_units.py CONFIG WANTED``: start and drain extra instances until those that are wanted run.

It runs as root, for systemd takes orders from nobody else. So it is a file of its own that imports the
standard library alone. CONFIG (scale.json) is root's and names the units that may be touched; WANTED is the
service user's, and no other unit that it may name is touched.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

#: No environment decides what root runs.
SYSTEMCTL = "/usr/bin/systemctl"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def orders(allowed: dict[str, str], wanted: list[str]) -> dict[str, list[str]]:
    """What systemctl is told, by its verb.

    A failed unit that is wanted is left to systemd and to whoever reads its journal.

    :param allowed: the units that may be touched, with their ActiveState.
    """
    verbs: dict[str, list[str]] = {"start": [], "stop": [], "reset-failed": []}
    for unit, state in allowed.items():
        if unit in wanted and state == "inactive":
            verbs["start"].append(unit)
        if unit not in wanted and state in ("active", "activating", "reloading"):
            verbs["stop"].append(unit)
        if unit not in wanted and state == "failed":
            verbs["reset-failed"].append(unit)
    return {verb: units for verb, units in verbs.items() if units}


def states(units: list[str]) -> dict[str, str]:
    """The ActiveState of each unit."""
    command = [SYSTEMCTL, "show", "--property=ActiveState", "--value", "--", *units]
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT).stdout
    return dict(zip(units, shown.split(), strict=True))


def main() -> int:
    """Look at the units, and tell systemd; it starts and drains them in its own time."""
    config, wanted = (json.loads(Path(path).read_text()) for path in sys.argv[1:])
    allowed = [unit for spec in config.values() for unit in spec["units"]]
    for verb, units in orders(states(allowed), wanted).items():
        print(f"<5>{verb} {' '.join(units)}", flush=True)
        subprocess.run([SYSTEMCTL, verb, "--no-block", "--", *units], check=True, env=ENVIRONMENT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
