# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app with the settings of the inventory and without the agent."""

from __future__ import annotations

import json
import os
from pathlib import Path

from celery.app.utils import find_app

app = find_app(os.environ["CELERYOPS_APP"])
app.conf.update(json.loads(Path(os.environ["CELERYOPS_SETTINGS"]).read_text(encoding="utf-8")))
