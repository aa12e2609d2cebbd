"""Plays that are broken off, or meet each other, while a watcher looks at what `current` leads to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.site import LEADS_NOWHERE, ROOT, Site

APP = ROOT / "tests/apps/shop"
WATCHED = "/tmp/faults-watched"
#: A watcher's look, fifty times a second, for as long as its file is there: what it prints was missing.
WATCH = f"touch {WATCHED}; while test -e {WATCHED}; do {LEADS_NOWHERE}; sleep 0.02; done"
#: Seconds in which a play is broken off; one of the site takes some 20.
LATEST = 20.0
ROUNDS = 2


@contextmanager
def _release(site: Site) -> Iterator[str]:
    """A release that no host has, as an argument of a play."""
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        source = Path(shutil.copytree(APP, Path(directory) / "shop"))
        with (source / "shop/__init__.py").open("a") as module:
            module.write(f"\nNUMBER = {site.chance.randrange(10**9)}\n")
        yield json.dumps({"celery_app_source": {"type": "directory", "path": str(source)}})


@contextmanager
def _watched(site: Site) -> Iterator[None]:
    """Fail where `current` led nowhere at any moment, or a process has lost its release."""
    watchers = {
        host: subprocess.Popen(site.hosts.words(host, ["sh", "-c", WATCH]), stdout=subprocess.PIPE, text=True)
        for host in (*site.workers, site.sender)
    }
    try:
        yield
    finally:
        for host in watchers:
            site.on(host, "rm", WATCHED)
        seen = {host: watcher.communicate()[0] for host, watcher in watchers.items()}
    assert not any(seen.values()), f"current led nowhere: {seen}"
    lost = site.dangling()
    assert not lost, f"these have lost their release: {lost}"


def _again(site: Site, release: str) -> str:
    """Play again as one would; what a hand had to do beside."""
    played = site.play("-e", release)
    if played.returncode == 0:
        return ""
    print(played.stdout[-3000:], flush=True)
    second = site.play("-e", release)
    assert second.returncode == 0, second.stdout
    return "a second run"


def two_runs(site: Site) -> str:
    """Play a new release twice at once, the second a moment later; then once more."""
    with _release(site) as release, _watched(site):
        first = site.begin("-e", release)
        time.sleep(site.chance.uniform(1, LATEST / 2))
        second = site.play("-e", release)
        assert first.wait() == 0, "the first run did not end well"
        assert second.returncode == 0 or "lock" in second.stdout, second.stdout
        return _again(site, release)


def killed(site: Site, how: signal.Signals) -> str:
    """Break the play of a new release off at a random moment, and play it again."""
    hands = []
    for _each in range(ROUNDS):
        with _release(site) as release, _watched(site):
            playing = site.begin("-e", release)
            moment = site.chance.uniform(1, LATEST)
            time.sleep(moment)
            if playing.poll() is None:
                print(f"faults: {how.name} after {moment:.1f} s", flush=True)
                os.killpg(playing.pid, how)
            playing.wait()
            hands.append(_again(site, release))
    return "; ".join(sorted(set(filter(None, hands))))


def play_term(site: Site) -> str:
    """With SIGTERM."""
    return killed(site, signal.SIGTERM)


def play_int(site: Site) -> str:
    """As Ctrl-C does."""
    return killed(site, signal.SIGINT)


def play_kill(site: Site) -> str:
    """With SIGKILL."""
    return killed(site, signal.SIGKILL)
