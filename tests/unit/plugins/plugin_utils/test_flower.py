# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What Flower is refused, and what it is started with."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils import flower
from ansible_collections.celeryops.systemd.plugins.plugin_utils.flower import OAUTH_PROVIDERS, OWN_VARIABLES
from celery.utils.imports import symbol_by_name
from flower import command
from flower.options import default_options
from hypothesis import given
from hypothesis import strategies as st

ASKED: dict[str, Any] = {
    "address": "127.0.0.1",
    "port": 5555,
    "users": {},
    "oauth": {},
    "cookie_secret": "",
    "url_prefix": "",
    "xheaders": False,
    "max_tasks": 0,
    "memory_max_mb": 512,
    "environment": {},
}
OAUTH = {
    "provider": "github",
    "emails": ".*@example.com",
    "key": "id",
    "secret": "hush",
    "redirect_uri": "https://flower.example/login",
}
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=","), min_size=1)


def asked(**changes: Any) -> dict[str, Any]:
    """Return the role's variables, changed."""
    return {**ASKED, **changes}


def told(asked: dict[str, Any]) -> list[str]:
    """Return what is wrong."""
    return [problem.text("mon") for problem in flower.problems(asked)]


def flower_environment(asked: dict[str, Any], *urls: str) -> str:
    """Return the file that Flower is started with."""
    return flower.service(asked, *urls)["environment"]


def started_with(text: str) -> dict[str, str]:
    """Read an environment file; within double quotes systemd escapes as a shell does."""
    return dict(word.split("=", 1) for word in shlex.split(text.replace(r"\$", "$").replace(r"\`", "`")))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"address": "::1", "port": "8888"},
        {"address": "0.0.0.0", "users": {"ops": "s3cret"}},
        {"address": "10.0.0.5", "oauth": OAUTH},
        {"environment": {"FLOWER_PURGE_OFFLINE_WORKERS": 3600}},
    ],
)
def test_what_is_well(changes: dict[str, Any]) -> None:
    """A sound inventory has no problem."""
    assert told(asked(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"address": "0.0.0.0"},
            "mon: flower_address = 0.0.0.0: who reaches it may run tasks and stop workers, for neither "
            "flower_users nor flower_oauth is set; set one of them, or listen on 127.0.0.1 and reach it by "
            "ssh -L",
        ),
        (
            {"users": {"ops": "your_flower_password_here"}},
            "mon: flower_users.ops = your_flower_password_here: the placeholder is not a password; "
            "make one (openssl rand -hex 24) and keep it with ansible-vault",
        ),
        (
            {"users": {"ops": "hush,hush"}},
            "mon: flower_users.ops = (hidden): not a password that Flower can check: ASCII without comma; "
            "make one (openssl rand -hex 24) and keep it with ansible-vault",
        ),
        (
            {"users": {"o:ps": "hush"}},
            "mon: flower_users.o:ps = (hidden): not a user name for Flower; "
            "use ASCII without colon, comma, space",
        ),
        (
            {"oauth": {"provider": "github", "secret": "hush"}},
            "mon: flower_oauth = ['provider', 'secret']: emails, key, redirect_uri is missing; set it",
        ),
        (
            {"oauth": {**OAUTH, "provider": "gitlub"}},
            "mon: flower_oauth.provider = gitlub: no login handler of Flower; did you mean gitlab?",
        ),
        ({"port": "http"}, "mon: flower_port = http: not a whole number of at least 1; set one"),
        (
            {"environment": {"FLOWER_ADDRESS": "0.0.0.0"}},
            "mon: flower_environment.FLOWER_ADDRESS = (hidden): not set here; set flower_address",
        ),
        (
            {"environment": {"PATH": "/srv/bin"}},
            "mon: flower_environment.PATH = (hidden): it decides which code runs; let the app call programs "
            "by their whole path",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Each problem names the host, the variable, the value and the fix, and no secret."""
    assert told(asked(**changes)) == [problem]
    assert "hush" not in problem


@pytest.mark.parametrize("password", ["", "gr\u00fcn", "a\nb", "a,b"])
def test_a_password_that_flower_cannot_check_is_refused(password: str) -> None:
    """Flower compares ASCII only, and splits logins at commas."""
    assert len(told(asked(users={"ops": password}))) == 1


@given(users=st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True), printable, min_size=1))
def test_flower_reads_back_every_login_that_passes(users: dict[str, str]) -> None:
    """What preflight lets through, Flower's own reading of its environment takes apart again."""
    assert told(asked(users=users)) == []
    variables = started_with(flower_environment(asked(users=users), "redis://hub/0"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        command.apply_env_options()
    logins = [f"{name}:{password}" for name, password in users.items()]
    assert default_options.basic_auth == logins
    assert default_options.address == "127.0.0.1"
    assert default_options.persistent is True


def test_flower_knows_every_variable_it_is_given() -> None:
    """Flower passes over in silence what it does not know."""
    full = asked(users={"ops": "pw"}, oauth=OAUTH, cookie_secret="c", url_prefix="flower")
    given_names = started_with(flower_environment(full, "redis://hub/0", "redis://hub/1"))
    own = {name for name in given_names if name.startswith("FLOWER_")}
    assert own | set(OWN_VARIABLES) <= {
        f"FLOWER_{name.upper().replace('-', '_')}" for name in default_options
    }
    assert given_names["CELERY_BROKER_URL"] == "redis://hub/0"
    assert given_names["CELERY_RESULT_BACKEND"] == "redis://hub/1"
    assert given_names["FLOWER_OAUTH2_SECRET"] == "hush"


@pytest.mark.parametrize("name", OAUTH_PROVIDERS.values())
def test_every_login_handler_exists(name: str) -> None:
    """In the Flower that is pinned."""
    assert callable(symbol_by_name(name))


@pytest.mark.parametrize(("memory", "tasks"), [(64, "1"), (128, "2048"), (512, "10000")])
def test_tasks_remembered_follow_from_memory(memory: int, tasks: str) -> None:
    """Unless the operator names them."""
    text = flower_environment(asked(memory_max_mb=memory), "redis://hub/0")
    assert started_with(text)["FLOWER_MAX_TASKS"] == tasks
    text = flower_environment(asked(memory_max_mb=memory, max_tasks=7), "redis://hub/0")
    assert started_with(text)["FLOWER_MAX_TASKS"] == "7"


def test_a_variable_that_systemd_would_refuse() -> None:
    """It is told by its name."""
    with pytest.raises(ValueError, match=r"^FLOWER_X: holds a control character"):
        flower_environment(asked(environment={"FLOWER_X": "a\x00b"}), "redis://hub/0")


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "http://127.0.0.1:5555"),
        ({"address": "0.0.0.0", "url_prefix": "/flower/"}, "http://127.0.0.1:5555/flower"),
        ({"address": "fd00::5", "port": 80}, "http://[fd00::5]:80"),
    ],
)
def test_where_it_answers_on_its_own_host(changes: dict[str, Any], url: str) -> None:
    """A wildcard is reached over loopback."""
    assert flower.service(asked(**changes), "redis://hub/0")["url"] == url
