"""Do faults to a fleet under load, and write what came of it to docs/reliability.md.

    python -m faults --broker redis                        every fault; `make test-faults` brings the lab up
    python -m faults --broker redis --fault broker-kill    one
    python -m faults --broker redis --pairs 5 --seed 7     random pairs, which are told and not written down

The exit status is 1 where a fault broke what is promised of it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from faults import page
from faults.figures import Promise
from faults.site import BROKERS, Site
from faults.table import FAULTS
from faults.trial import trial


def both(promises: list[Promise]) -> Promise:
    """What is promised where several faults meet."""
    return Promise(
        lost="; ".join(one.lost for one in promises if one.lost),
        early="; ".join(one.early for one in promises if one.early),
        twice=sum(one.twice for one in promises),
        hand=any(one.hand for one in promises),
    )


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="faults", description="Faults against a fleet under load.")
    parser.add_argument("--broker", choices=BROKERS, default="redis")
    parser.add_argument("--fault", nargs="*", choices=FAULTS, help="all of them")
    parser.add_argument("--pairs", type=int, default=0, help="random pairs instead, so many")
    parser.add_argument("--seed", type=int, default=0, help="what is random; a new one where it is 0")
    parser.add_argument("--rate", type=float, default=12.0, help="sendings a second (12)")
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1, 10**6)
    print(f"faults: seed {seed}", flush=True)
    site = Site(options.broker, chance=random.Random(seed))
    names = options.fault or list(FAULTS)
    runs = [[name] for name in names]
    if options.pairs:
        runs = [site.chance.sample(names, 2) for _each in range(options.pairs)]
    site.switch()
    broken = []
    for run in runs:
        began = time.monotonic()
        what = " and ".join(run)

        def say(line: str, what: str = what) -> None:
            print(f"faults: {what}: {line}", flush=True)

        faults = [FAULTS[name] for name in run]
        for before in filter(None, (fault.before for fault in faults)):
            before(site)
        found = trial(site, [fault.act for fault in faults], options.rate, say)
        for after in filter(None, (fault.after for fault in faults)):
            after(site)
        wrong = found.broken(both([FAULTS[name].promised(site.broker) for name in run]))
        say(f"{found}")
        say(f"{'; '.join(wrong) or 'as promised'}, {time.monotonic() - began:.0f} s")
        broken += [f"{what}: {one}" for one in wrong]
        if len(run) == 1:
            row = page.row(run[0], FAULTS[run[0]].words, site.broker, found)
            page.PAGE.write_text(page.with_row(page.PAGE.read_text(), row, list(FAULTS), list(BROKERS)))
    for one in broken:
        print(f"faults: BROKEN: {one}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
