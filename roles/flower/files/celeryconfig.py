"""Settings of the Celery client in Flower; Celery reads this module from the working directory."""

import json
import os
import pathlib

_settings = json.loads(pathlib.Path(__file__).with_name("settings.json").read_text())
_secret = json.loads(os.environ.get("CELERYOPS_TRANSPORT", "{}"))
if "sentinel_kwargs" in _secret:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # redis-py 8 asks a Sentinel that is gone eleven times, while Flower waits.
    _secret["sentinel_kwargs"]["retry"] = Retry(NoBackoff(), 0)
for _transport in ("broker_transport_options", "result_backend_transport_options"):
    _settings[_transport] = {**_secret, **_settings.get(_transport, {})}
globals().update(_settings)
