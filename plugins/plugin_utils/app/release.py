# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the role celery_app asks managed_files to put on a host, and why a release could not be made."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..inventory.problems import Problem

OWNED_BY_ROOT = {"owner": "root", "group": "root"}
# pip ends with a traceback of its own or a hint; these are the lines that matter, and not more of them.
REASONS_SHOWN = 4
CONFLICT = "The conflict is caused by:"
FULL = "No space left on device"
# What a build says that meets the fences.
DENIED = ("Permission denied", "Read-only file system", "Operation not permitted")

# What the app runs with beside its release: the files, and the variables that they follow.
VARIABLES_OF = {
    f"{layout.CONFIG}/app.env": "celery_app_target or celery_app_environment",
    f"{layout.CONFIG}/broker.env": "celery_app_broker_url or celery_app_result_backend",
    layout.SETTINGS: "celery_app_settings or a limit",
}


def fingerprint(text: str, known: str = "") -> str:
    """Return salt and hash of a text; the known one where it is of the same text.

    The text holds secrets, and the hash is in facts and so in results and caches: without a salt of its own
    one could look a secret up by it.
    """
    salt = known.partition("$")[0] if "$" in known else secrets.token_hex(16)
    found = f"{salt}${hashlib.sha256(f'{salt}{text}'.encode()).hexdigest()}"
    return found if found == known or "$" not in known else fingerprint(text)


def package_files(source: str, destination: str) -> list[dict[str, str | bool]]:
    """Return an entry of managed_files for each module of a Python package, owned by root.

    :param source: the package's directory on the controller.
    :param destination: its directory on the host.
    """
    root = Path(source)
    return [
        {
            "path": f"{destination}/{path.relative_to(root)}",
            "content": path.read_text(encoding="utf-8"),
            "mode": "0644",
            "diff": False,
            **OWNED_BY_ROOT,
        }
        for path in sorted(root.rglob("*.py"))
    ]


def release_files(
    releases: Sequence[str],
    wanted: str,
    current: str,
    keep: int,
    virtualenvs: Mapping[str, str] | None = None,
) -> list[dict[str, str]]:
    """Return the entries for the releases that stay and what they share, the mark of one that is run, and the
    link to it.

    :param releases: the complete releases on the host, newest first.
    :param current: the release that ran until now; empty when none did.
    :param keep: how many to keep; the wanted and the current one stay in any case.
    :param virtualenvs: the name of the virtual environment of each release that shares one.
    """
    kept = kept_releases(releases, wanted, current, keep)
    shared = dict.fromkeys(name for of in kept if (name := (virtualenvs or {}).get(of)))
    directory = {"state": "directory", "mode": "0755", **OWNED_BY_ROOT}
    return [
        *({"path": f"{layout.RELEASES}/{name}", **directory} for name in kept),
        *({"path": f"{layout.VENVS}/{name}", **directory} for name in shared),
        {"path": f"{layout.RELEASES}/{wanted}/.deployed", "content": "", "mode": "0644", **OWNED_BY_ROOT},
        link(wanted),
    ]


def link(release: str) -> dict[str, str]:
    """Return the entry of managed_files for the link to the release that runs."""
    return {"path": layout.CURRENT, "state": "link", "target": f"releases/{release}"}


def mark(release: str = "") -> dict[str, str]:
    """Return the entry for the release that the fleet went back from; an empty one is forgotten."""
    if not release:
        return {"path": layout.ROLLED_BACK, "state": "absent"}
    return {"path": layout.ROLLED_BACK, "content": f"{release}\n", "mode": "0644", **OWNED_BY_ROOT}


def shared(release: str, venv: str) -> dict[str, str]:
    """Return the release with the name of its virtual environment, where that is one which releases share."""
    place = PurePosixPath(venv)
    return {release: place.name} if str(place.parent) == layout.VENVS else {}


def kept_releases(releases: Sequence[str], wanted: str, current: str, keep: int) -> list[str]:
    """Return the wanted release, the current one, and the newest of the others up to ``keep`` in all."""
    first = [name for name in dict.fromkeys((wanted, current)) if name]
    others = [name for name in releases if name not in first]
    return [*first, *others[: max(0, keep - len(first))]]


def deploy_problems(paths: Iterable[str], host: str) -> list[str]:
    """Return why a release must not be deployed: what it would be tested with is not what it would run with.

    :param paths: those of ``VARIABLES_OF`` that differ on the host from what the inventory asks for.
    """
    what = "is not what the inventory asks for, and a deploy does not write it: the release would be tested "
    what += "with the one and run with the other"
    fix = "play site, which changes both"
    return [Problem(VARIABLES_OF[path], "(hidden)", f"{path} {what}", fix).text(host) for path in paths]


def _conflict(lines: Sequence[str]) -> str:
    """Return what pip says of requirements that no versions meet together; empty where it does not."""
    starts = [number for number, line in enumerate(lines, 1) if line.strip() == CONFLICT]
    told = [takewhile(lambda line: line[:1].isspace() and line.strip(), lines[start:]) for start in starts]
    reasons = dict.fromkeys(line.strip() for one in told for line in one)
    return f"no versions fit together: {'; '.join(reasons)}" if reasons else ""


def stage_failure(said: str, host: str, source: str, wheelhouse: str) -> str:
    """Return why the release could not be made: what was said, shortened, with the variable and the fix."""
    if said.startswith(f"{host}: "):
        return said
    if FULL in said:
        fix = (
            f"free room for {layout.RELEASES} and the temporary directory (df -h {layout.ROOT} /var/tmp on "
            "the host), or keep fewer releases with celery_app_keep_releases, and play again"
        )
        return Problem("celery_app_source", source, f"the release could not be made: {FULL}", fix).text(host)
    if conflict := _conflict(said.splitlines()):
        fix = "change the app's requirement, or celery_app_packages, so that they agree"
        return Problem("celery_app_source", source, f"the release could not be made: {conflict}", fix).text(
            host
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line]
    denied = [line for line in lines if any(word in line for word in DENIED) and "ERROR: " not in line][-1:]
    reasons = "; ".join(denied + (errors or lines)[-REASONS_SHOWN:])
    fix = "fix the requirement, or let the host reach a package index, or set celery_app_wheelhouse"
    if wheelhouse:
        fix = f"fix the requirement, or add the wheel to celery_app_wheelhouse = {wheelhouse}"
    if denied:
        fix = (
            "packages are built by the user celery-build in a sandbox, who writes to the build's own "
            "directories alone: build that wheel elsewhere, and give all of them in celery_app_wheelhouse"
        )
    return Problem("celery_app_source", source, f"the release could not be made: {reasons}", fix).text(host)
