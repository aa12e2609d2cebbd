# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a sender is told, in each form; read back as a sender reads it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import sender
from hypothesis import given
from hypothesis import strategies as st

BROKER = "redis://worker:s3cr3t@broker1:6379/0"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\"'\\$`{} \n#", max_size=9),
    lambda parts: st.lists(parts, max_size=2) | st.dictionaries(st.sampled_from("abc"), parts, max_size=2),
    max_leaves=5,
)
INVENTORY = {
    "celery": {
        "vars": {
            "broker_password": "s3cr3t-of-the-broker",
            "broker_key_prefix": "shop:",
            "celery_app_target": "shop:app",
            "celery_app_source": {"type": "directory", "path": "/srv/shop"},
            "celery_app_settings": {
                "broker_transport_options": {"priority_steps": [0, 5]},
                "task_default_queue": "mail",
            },
            "celery_worker_queues": {"mail": {"workload": "io"}},
        },
        "children": {
            "celery_broker": {"hosts": {"b1": {}}},
            "celery_queue_mail": {"hosts": {"b1": {}, "w1": {}}},
        },
    }
}


def read(text: str, form: str) -> dict[str, Any]:
    """Read the settings back, as docs/how-to/send-from-elsewhere.md tells."""
    if form == "environment":
        # As systemd and sh read it; both take more escapes than shlex.
        lines = re.findall(r'^(\w+)="((?:[^"\\]|\\.)*)"$', text, re.MULTILINE | re.DOTALL)
        words = {name: re.sub(r'\\(["\\$`])', r"\1", value) for name, value in lines}
        plain = ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
        found: dict[str, Any] = {
            name: value if name in plain else json.loads(value) for name, value in words.items()
        }
    else:
        found = {}
        exec(text, found)
        found.pop("__builtins__")
        if form == "dict":
            assert list(found) == ["CELERY"]
            return dict(found["CELERY"])
    return {name.removeprefix("CELERY_").lower(): value for name, value in found.items()}


@pytest.mark.parametrize("form", sender.FORMATS)
@given(settings=st.dictionaries(st.sampled_from(["task_routes", "task_queues", "timezone"]), VALUES))
def test_each_form_says_the_same(form: str, settings: dict[str, Any]) -> None:
    asked = {"broker_url": BROKER, **settings}
    comments = sender.notes(asked, ["mail"], hides=False)
    assert read(sender.text(asked, form, comments), form) == asked


def test_a_sender_is_told_what_it_reads_and_no_more() -> None:
    settings = {
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {"global_keyprefix": "shop:"},
        "result_backend_always_retry": True,
        "result_expires": 86400,
        "task_acks_late": True,
        "task_default_queue": "mail",
        "task_serializer": "json",
        "task_time_limit": 300,
        "timezone": None,
        "worker_prefetch_multiplier": 1,
    }
    urls = {"broker_url": BROKER, "result_backend": None}
    assert sender.settings_of_sender(settings, {}, urls) == {
        "broker_url": BROKER,
        "broker_transport_options": {"global_keyprefix": "shop:"},
        "result_expires": 86400,
        "task_default_queue": "mail",
    }


def test_how_messages_are_written_is_left_to_code_that_may_sign_them() -> None:
    settings = {"task_serializer": "json", "accept_content": ["json"], "result_serializer": "json"}
    assert sender.settings_of_sender(settings, {}, {}) == {}
    signed = {"task_serializer": "auth", "security_key": "/etc/seal/key.pem"}
    assert sender.settings_of_sender({**settings, **signed}, signed, {}) == signed


def test_every_password_is_hidden() -> None:
    settings = {
        "broker_url": "sentinel://worker:s3cr3t@a:26379/0;sentinel://worker:s3cr3t@b:26379/0",
        "result_backend": "redis://:s3cr3t@b/1?password=s3cr3t&ssl_cert_reqs=required",
        "broker_transport_options": {"sentinel_kwargs": {"password": "s3cr3t", "ssl": True}},
        "security_key_password": "s3cr3t",
    }
    hidden = sender.without_secrets(settings)
    assert "s3cr3t" not in str(hidden)
    assert hidden["broker_url"] == "sentinel://worker:***@a:26379/0;sentinel://worker:***@b:26379/0"
    assert hidden["result_backend"] == "redis://:***@b/1?password=***&ssl_cert_reqs=required"
    assert hidden["broker_transport_options"] == {"sentinel_kwargs": {"password": "***", "ssl": True}}


@pytest.mark.parametrize(
    ("settings", "queues", "words"),
    [
        ({}, ["mail"], "Nobody consumes celery, the default queue unless the app's code names another"),
        ({"task_default_queue": "mial"}, ["mail"], "Nobody consumes mial, the default queue: set "),
        ({"broker_url": "redis://127.0.0.1:6379/0"}, ["celery"], "The broker listens on its own host alone"),
        ({"broker_use_ssl": {"ca_certs": sender.CA_FILE}}, ["celery"], f"Copy {sender.CA_FILE} from any "),
        ({}, [], "The fleet consumes no queue."),
    ],
)
def test_what_the_settings_do_not_tell_is_told(
    settings: dict[str, Any], queues: list[str], words: str
) -> None:
    assert words in " ".join(sender.notes(settings, queues, hides=False))


def test_a_queue_that_is_consumed_under_another_name() -> None:
    queues = {"reports": {"consumes": ["daily", "weekly"]}, "mail": None}
    assert sender.consumed(queues) == ["daily", "mail", "weekly"]


def play(directory: Path, *words: str) -> str:
    """Play the playbook; return what it prints."""
    inventory = directory / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    command = ["ansible-playbook", "celeryops.systemd.sender", "-i", str(inventory), "-vvv", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_playbook_asks_no_host_and_hides_or_writes_passwords(tmp_path: Path) -> None:
    said = play(tmp_path, "-e", "sender_format=django")
    assert "CELERY_BROKER_URL = 'redis://celery:***@b1:6379/0'" in said
    assert "s3cr3t" not in said
    assert "'priority_steps': [0, 5]" in said

    said = play(tmp_path, "-e", "sender_format=environment", "-e", "sender_file=web.env")
    file = tmp_path / "web.env"
    assert "s3cr3t" not in said
    assert f"{file} holds what a sender needs" in said
    assert file.stat().st_mode & 0o777 == 0o600
    found = read(file.read_text(), "environment")
    assert re.fullmatch("redis://celery:s3cr3t-of-the-broker@b1:6379/0", found["broker_url"])
    assert found["broker_transport_options"]["global_keyprefix"] == "shop:"
    assert found["task_default_queue"] == "mail"

    assert "s3cr3t-of-the-broker@b1" in play(tmp_path, "-e", "sender_secrets=true")
