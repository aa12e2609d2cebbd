# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the programs that plays run share: the app, set up as in a worker, and a channel for the answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from celery.app.utils import find_app


def answer_channel() -> Callable[[Any], None]:
    """Keep standard output for the answer, and return what writes it as JSON.

    What the app prints goes to standard error from here on, also what it prints when it ends.
    """
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(document: Any) -> None:
        print(json.dumps(document), file=channel, flush=True)

    return answer


def loaded_app() -> Any:
    """The app that CELERYOPS_APP names, with its tasks and all that its set-up brings.

    Django, for one, is set up when the app's modules are imported; a result backend in a database needs it.
    """
    app = find_app("celeryops_agent.fleet")
    app.loader.import_default_modules()
    app.finalize()
    return app
