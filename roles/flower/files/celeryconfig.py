"""Settings of the Celery client in Flower; Celery reads this module from the working directory."""

import json
import os
import pathlib

_settings = json.loads(pathlib.Path(__file__).with_name("settings.json").read_text())
_secret = json.loads(os.environ.get("CELERYOPS_TRANSPORT", "{}"))
for _transport in ("broker_transport_options", "result_backend_transport_options"):
    _settings[_transport] = {**_secret, **_settings.get(_transport, {})}
globals().update(_settings)
