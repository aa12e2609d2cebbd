"""Settings of the Celery client in Flower; Celery reads this module from the working directory."""

import json
import pathlib

globals().update(json.loads(pathlib.Path(__file__).with_name("settings.json").read_text()))
