"""Runs stages of the pipeline two at a time, shows how each went, and leaves nothing of theirs running.

    python tools/stages.py lint unit molecule      a stage is a make target; molecule means every scenario
    python tools/stages.py molecule:default        one scenario

Each stage writes .cache/log/<stage>.log. The exit status is 0 only when every stage succeeded.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "log"
SLOTS = 2
SCENARIO_NEEDS = ("build", "image")
#: Begun first, so that no long one runs alone at the end.
LONGEST = ("rollout", "broker_sentinel", "rollout_django", "scaling", "lifecycle", "upgrade", "fleet")
CLOSING_LINE = re.compile(r"^=*\s*(\d+ (?:passed|failed|errors?|skipped)\b.* in [\d.]+s.*?)\s*=*$")
#: What pytest, Ansible, Molecule and make say of a failure; Ansible also calls a retry FAILED.
REASON = re.compile(r"^(FAILED (?!- RETRYING)|ERROR\b|E  |\[ERROR\]|fatal: |CRITICAL\b|make: \*\*\*)")
#: Lines of them, and lines of the output before.
REASONS, TAIL = 20, 100


@dataclass
class Stage:
    """One stage: what it runs, what must have succeeded before, and how it went."""

    name: str
    command: Sequence[str]
    needs: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    seconds: float = 0.0
    status: str = "waiting"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return LOGS / f"{self.name.replace(':', '-')}.log"

    @property
    def closing_lines(self) -> list[str]:
        """What pytest said at the end of each of the stage's runs."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [found[1] for line in text.splitlines() if (found := CLOSING_LINE.match(line))]

    @property
    def reasons(self) -> list[str]:
        """The lines that say why it failed, the last ones."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line[:400] for line in text.splitlines() if REASON.match(line)][-REASONS:]

    def start(self) -> None:
        """Begin, in a process group of its own, so that all of it can be ended."""
        self.began, self.status = time.monotonic(), "running"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finished(self) -> bool:
        """Whether it has ended; notes how."""
        if self.process is None or self.process.poll() is None:
            return False
        self.seconds = time.monotonic() - self.began
        self.status = "ok" if self.process.returncode == 0 else "FAILED"
        return True

    def end(self) -> None:
        """End all its processes, gently first."""
        for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            if self.process is None or self.process.poll() is not None:
                return
            os.killpg(self.process.pid, number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue


def scenarios() -> list[str]:
    """Every Molecule scenario, the longest first."""
    names = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    return [name for name in LONGEST if name in names] + [name for name in names if name not in LONGEST]


def plan(words: Sequence[str]) -> list[Stage]:
    """The stages that `words` ask for, with those they need, in order."""
    names: list[str] = []
    for word in words:
        names += [f"molecule:{name}" for name in scenarios()] if word == "molecule" else [word]
    if any(name.startswith("molecule:") for name in names):
        names = [*SCENARIO_NEEDS, *names]
    return [scenario(name) if ":" in name else target(name) for name in dict.fromkeys(names)]


def target(name: str) -> Stage:
    """The stage of a make target."""
    return Stage(name, ["make", "-sk", name])


def scenario(name: str) -> Stage:
    """The stage of one scenario."""
    return Stage(name, ["make", "-s", "scenario", f"S={name.partition(':')[2]}"], SCENARIO_NEEDS)


def run(stages: list[Stage]) -> None:
    """Run the stages in order, as many at once as there are slots; a failed need cancels what needs it."""
    done: dict[str, Stage] = {}
    waiting, running = list(stages), list[Stage]()
    try:
        while waiting or running:
            for stage in [stage for stage in running if stage.finished()]:
                running.remove(stage)
                done[stage.name] = stage
                tell(stage)
            for stage in list(waiting):
                before = [done.get(need) for need in stage.needs]
                if any(need and need.status != "ok" for need in before):
                    stage.status = "cancelled"
                    done[stage.name] = stage
                    waiting.remove(stage)
                elif all(before) and len(running) < SLOTS:
                    waiting.remove(stage)
                    running.append(stage)
                    print(f"{stage.name}: started", flush=True)
                    stage.start()
            time.sleep(0.2)
    finally:
        for stage in running:
            stage.end()
        for stage in stages:
            if ":" in stage.name and stage.status != "waiting":
                down = [str(ROOT / "tests/lab/lab"), "down", "--name", stage.name.partition(":")[2]]
                subprocess.run(down, check=False, stdout=subprocess.DEVNULL)


def tell(stage: Stage) -> None:
    """Say how a stage went; show the end of its output where it failed."""
    if stage.status != "ok":
        before_cleanup = stage.log.read_text(errors="replace").partition("Cleaning up.")[0]  # Molecule's word
        print("\n".join(f"    {line}" for line in before_cleanup.splitlines()[-TAIL:]))
    where = stage.log.relative_to(ROOT)
    print(f"{stage.name}: {stage.status} in {stage.seconds:.1f} s ({where})", flush=True)


def table(stages: Sequence[Stage], seconds: float) -> str:
    """Wall time by stage, and each pytest's own closing line."""
    width = max(len(stage.name) for stage in stages)

    def row(name: str, status: str, spent: float, said: Sequence[str] = ()) -> str:
        return f"{name:<{width}}  {status:<9} {spent:7.1f} s  {'; '.join(said)}".rstrip()

    rows = [row(stage.name, stage.status, stage.seconds, stage.closing_lines) for stage in stages]
    return "\n".join(["", *rows, row("wall", "", seconds)])


def stop(number: int, _frame: FrameType | None) -> None:
    """A signal ends the run as Ctrl-C does, so that everything is cleaned up."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(words: Sequence[str]) -> int:
    """Entry point."""
    stages = plan(words)
    LOGS.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    try:
        run(stages)
    except KeyboardInterrupt:
        print("stages: interrupted", file=sys.stderr)
    for stage in stages:
        if stage.status == "FAILED":
            print("\n".join(["", f"{stage.name} failed:", *(f"    {line}" for line in stage.reasons)]))
    print(table(stages, time.monotonic() - began))
    failed = [stage.name for stage in stages if stage.status != "ok"]
    print(f"\nnot ok: {', '.join(failed)}" if failed else f"\nall {len(stages)} stages ok")
    for line in [line for stage in stages for line in stage.closing_lines]:
        print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
