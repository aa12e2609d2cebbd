# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the app and with a host, told before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import logins

from ..app.settings import SECONDS_A_DAY
from ..plan import planning, spec
from ..plan.worker_checks import CONSUMER_VARIABLE, COUNTDOWN_VARIABLE, VISIBILITY_VARIABLE
from . import timers
from .problems import Problem, did_you_mean

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?")
# What each kind of source cannot do without.
SOURCES = {"directory": "path", "archive": "path", "git": "repo", "requirement": "name", "external": ""}
RESULTS_VARIABLE = "celery_app_settings.result_expires"
# celery 5.7 needs Python 3.10; the units use ProtectProc= and ProcSubset=, new in systemd 247.
OLDEST_PYTHON = (3, 10)
OLDEST_SYSTEMD = 247


def app_problems(target: object, source: object, timeouts: Mapping[str, object]) -> list[Problem]:
    """Return what is wrong with the app: its target, its source, and the timers of the fleet.

    :param target: `celery_app_target`.
    :param source: `celery_app_source`.
    :param timeouts: `soft_time_limit`, `time_limit`, `visibility_timeout` (0: derived), `longest_countdown`,
        `result_expires` (0: never), in s.
    """
    wrong, asked = _timers(timeouts)
    return _target(target) + _source(source) + wrong + timers.refused(asked)


def login_problems(variable: str, entries: object) -> list[Problem]:
    """Return the entries of a list for pip that hold a login: every user of a host could read it in `ps`."""
    listed = entries if isinstance(entries, Sequence) and not isinstance(entries, str) else ()
    what = "its login could be read in the list of processes of each host"
    fix = "give it in /etc/pip.conf or ~/.netrc of the hosts"
    return [Problem(variable, entry, what, fix) for entry in listed if logins(str(entry))]


def python_problems(python: object) -> list[Problem]:
    """Return why the interpreter's name cannot be right: the hosts make the virtual environments with it."""
    name = str(python).rpartition("/")[2]
    match = re.fullmatch(r"python(\d+)(?:\.(\d+))?", name)
    if match and (int(match[1]), int(match[2] or OLDEST_PYTHON[1])) >= OLDEST_PYTHON:
        return []
    oldest = ".".join(map(str, OLDEST_PYTHON))
    what = f"Celery needs Python {oldest} or newer"
    return [Problem("celery_app_python", python, what, f"set it to python3, or to python{oldest} or newer")]


def _target(target: object) -> list[Problem]:
    """Return why `celery -A` could not take the target."""
    if isinstance(target, str) and _TARGET.fullmatch(target):
        return []
    what = "not a module, or a module and a name in it" if target else "the app is not named"
    fix = "set it to what celery -A takes, such as shop.celery:app"
    return [Problem("celery_app_target", target or "", what, fix)]


def _source(source: object) -> list[Problem]:
    """Return why the app's code could not be found."""
    variable = "celery_app_source"
    kinds = ", ".join(SOURCES)
    if not isinstance(source, Mapping) or not source.get("type"):
        fix = f"set it to a mapping with a type ({kinds}): {{type: directory, path: /home/me/shop}}"
        return [Problem(variable, source or "", "it does not say where the app's code is", fix)]
    kind = source["type"]
    if kind not in SOURCES:
        return [Problem(f"{variable}.type", kind, "unknown type", did_you_mean(kind, SOURCES))]
    needed = SOURCES[kind]
    if needed and not source.get(needed):
        return [Problem(variable, dict(source), f"type {kind} needs {needed}", f"set {variable}.{needed}")]
    if kind == "requirement" and logins(source):
        what = "its login could be read in the list of processes of each host"
        fix = "use type git, which the controller clones, or /etc/pip.conf on the hosts"
        return [Problem(f"{variable}.name", source["name"], what, fix)]
    return []


def app_doubts(timeouts: Mapping[str, object]) -> list[Problem]:
    """Return what an operator should know of the timers of the fleet, and may want; as for `app_problems`.

    :param timeouts: besides, `max_deliveries` of a task that comes back unfinished (0: no bound), and the
        `delivery_limit` of RabbitMQ (0: another broker).
    """
    return timers.doubtful(_timers(timeouts)[1]) + _deliveries(timeouts)


def _deliveries(timeouts: Mapping[str, object]) -> list[Problem]:
    """Return why RabbitMQ takes a task away before a worker gives it up and says so."""
    most, limit = (spec.whole(timeouts.get(name)) or 0 for name in ("max_deliveries", "delivery_limit"))
    if not limit or 0 < most <= limit:
        return []
    what = f"RabbitMQ takes a task away after {limit} returns, and no worker's log names it"
    fix = f"set it to {limit} or less, or broker_rabbitmq_delivery_limit higher, for workers too"
    return [Problem("celery_app_max_deliveries", most, what, fix)]


def _timers(timeouts: Mapping[str, object]) -> tuple[list[Problem], timers.Timers]:
    """Return what is no number of seconds, else the timers of the fleet."""
    hard = spec.whole(timeouts.get("time_limit")) or planning.DEFAULT_HARD
    names = {
        "soft_time_limit": (planning.SOFT_VARIABLE, planning.default_soft(hard), 1),
        "time_limit": (planning.HARD_VARIABLE, planning.DEFAULT_HARD, 2),
        "visibility_timeout": (VISIBILITY_VARIABLE, 0, 0),
        "consumer_timeout": (CONSUMER_VARIABLE, 0, 0),
        "longest_countdown": (COUNTDOWN_VARIABLE, 0, 0),
        "result_expires": (RESULTS_VARIABLE, SECONDS_A_DAY, 0),
    }
    problems, read = [], {}
    for name, (variable, default, least) in names.items():
        value = timeouts.get(name)
        seconds = default if value is None else spec.whole(value)
        if seconds is None or seconds < least:
            fix = f"set it to {least} or more seconds"
            problems.append(Problem(variable, value, "not a whole number in its range", fix))
        else:
            read[name] = timers.Timer(variable, seconds)
    if problems:
        return problems, timers.Timers()
    return [], timers.Timers(
        soft=read["soft_time_limit"],
        hard=read["time_limit"],
        visibility=read["visibility_timeout"],
        consumer=read["consumer_timeout"],
        countdown=read["longest_countdown"],
        results=read["result_expires"],
    )


def host_problems(facts: Mapping[str, object], releases: Mapping[str, Sequence[object]]) -> list[Problem]:
    """Return why the host cannot run the fleet's units.

    :param facts: `ansible_facts`, with those of `host_facts`.
    :param releases: the versions of each supported distribution.
    """
    own = facts.get("celeryops")
    own = own if isinstance(own, Mapping) else {}
    problems = []
    pid1 = own.get("pid1", facts.get("service_mgr"))
    if pid1 != "systemd":
        fix = "use a host that systemd runs; in a container start it with /sbin/init"
        problems.append(Problem("PID 1", pid1, "systemd does not run this host", fix))
    elif (systemd := spec.whole(own.get("systemd"))) is not None and systemd < OLDEST_SYSTEMD:
        fix = f"use a release with systemd {OLDEST_SYSTEMD} or newer"
        problems.append(Problem("systemd", systemd, "too old for the units' sandbox", fix))
    return problems + _release(facts, releases) + _python(own, facts)


def _release(facts: Mapping[str, object], releases: Mapping[str, Sequence[object]]) -> list[Problem]:
    """Return why the distribution is not one that the collection is tested on."""
    name, version = str(facts.get("distribution", "")), str(facts.get("distribution_version", ""))
    tested = [str(release) for release in releases.get(name) or ()]
    major = version.partition(".")[0]
    if {version, major} & set(tested):
        return []
    known = "; ".join(f"{family} {', '.join(map(str, versions))}" for family, versions in releases.items())
    fix = f"use one of: {known}; or add it to celery_host_supported_releases"
    return [Problem("release", f"{name} {version}".strip(), "not a supported release", fix)]


def _python(own: Mapping[str, object], facts: Mapping[str, object]) -> list[Problem]:
    """Return why the host's Python cannot run Celery."""
    version = str(own.get("python", facts.get("python_version", "")))
    numbers = _numbers(version.split(".")[:2])
    if numbers is not None and numbers >= OLDEST_PYTHON:
        return []
    oldest = ".".join(map(str, OLDEST_PYTHON))
    fix = f"install Python {oldest} or newer and set ansible_python_interpreter to it"
    return [Problem("python", version, f"Celery needs Python {oldest}", fix)]


def _numbers(words: Iterable[str]) -> tuple[int, ...] | None:
    numbers = [spec.whole(word) for word in words]
    return None if None in numbers else tuple(number for number in numbers if number is not None)
