# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How many examples the property tests try. `make properties` tries thousands."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A slow machine is no counterexample.
settings.register_profile(
    "celeryops",
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("celeryops")
