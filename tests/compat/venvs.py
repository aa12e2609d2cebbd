# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A virtual environment for each Celery, with the kombu, redis-py and billiard that pip brings for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "compat"

#: What the tests need beside Celery, in the versions of requirements/dev.in.
BESIDE = (
    "celery-redbeat", "cryptography", "django", "django-celery-beat", "ephem", "eventlet", "gevent",
    "hypothesis", "pytest",
)  # fmt: skip

#: What is named in the table.
SHOWN = ("kombu", "redis", "billiard")


def python_of(version: str) -> Path:
    """The interpreter for a version of Celery; its environment is made when it is not there."""
    directory = CACHE / version
    python, stamp = directory / "bin" / "python", directory / ".wanted"
    # kombu[redis]: with celery[redis] alone, pip takes a redis-py for 5.3 and 5.4 that their kombu refuses.
    wanted = [f"celery[redis]=={version}", "kombu[redis]", "tzdata", "pyyaml", *_pinned()]
    mark = json.dumps([sys.version, wanted])
    if not stamp.exists() or stamp.read_text() != mark:
        print(f"compat: installing celery {version} into {directory.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", directory], check=True)
        pip: list[str | Path] = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)
        stamp.write_text(mark)
    return python


def environ_of(python: Path) -> dict[str, str]:
    """The environment of what runs there: the tests, the collection and the agent as `make` has them."""
    paths = (ROOT / ".cache/ansible/collections", ROOT / "tests", ROOT / "roles/celery_app/files")
    return {
        **os.environ,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "PYTHONPATH": ":".join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def brought(python: Path) -> dict[str, str]:
    """The versions of what is shown in the table, by name."""
    code = "import json, sys; from importlib.metadata import version as v; "
    code += "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
    run = subprocess.run([python, "-c", code, *SHOWN], capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout))


def _pinned() -> list[str]:
    lines = (ROOT / "requirements" / "dev.in").read_text().splitlines()
    return [line for line in lines if re.split(r"[\[=]", line)[0] in BESIDE]
