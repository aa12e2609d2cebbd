# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What Flower is started with, and what is refused before it could listen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from .app.environment import environment_file, environment_problems
from .broker.address import is_loopback
from .inventory.problems import Problem, did_you_mean
from .plan import spec

STATE_FILE = "/var/lib/celery-flower/state"
SAVE_STATE_EVERY_MS = 60_000
# Measured with Flower 2.2: 60 MB at start; 10,000 tasks with 400 characters of arguments each took it to
# 230 MB at the moment it saves them (16 KB each). Arguments may be five times as long.
OWN_MB = 64
TASK_KB = 32
MOST_TASKS = 10_000
# Flower's login handlers, in flower/views/auth.py.
OAUTH_PROVIDERS = {
    "google": "flower.views.auth.GoogleAuth2LoginHandler",
    "github": "flower.views.auth.GithubLoginHandler",
    "gitlab": "flower.views.auth.GitLabLoginHandler",
    "okta": "flower.views.auth.OktaLoginHandler",
}
OAUTH_KEYS = ("provider", "emails", "key", "secret", "redirect_uri")
# Variables of Flower that a variable of the role decides, and refuses where it must.
OWN_VARIABLES = {
    "FLOWER_ADDRESS": "flower_address",
    "FLOWER_UNIX_SOCKET": "flower_address",
    "FLOWER_PORT": "flower_port",
    "FLOWER_BASIC_AUTH": "flower_users",
    "FLOWER_AUTH": "flower_oauth",
    "FLOWER_AUTH_PROVIDER": "flower_oauth",
    "FLOWER_COOKIE_SECRET": "flower_cookie_secret",
}
_PASSWORD_FIX = "make one (openssl rand -hex 24) and keep it with ansible-vault"


def problems(asked: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the Flower that is asked for.

    :param asked: The role's variables without their prefix: ``address``, ``port``, ``users``, ``oauth``,
        ``max_tasks``, ``environment``.
    """
    return [
        *_number_problems(asked),
        *_exposure_problems(asked),
        *(
            problem
            for name, password in asked["users"].items()
            for problem in _user(str(name), str(password))
        ),
        *_oauth_problems(asked["oauth"]),
        *(
            Problem(f"flower_environment.{name}", "(hidden)", "not set here", f"set {variable}")
            for name, variable in OWN_VARIABLES.items()
            if name in asked["environment"]
        ),
        *environment_problems(
            {name: value for name, value in asked["environment"].items() if name not in OWN_VARIABLES},
            "flower_environment",
            python_path=False,
        ),
    ]


def _number_problems(asked: Mapping[str, Any]) -> list[Problem]:
    least = {"port": 1, "max_tasks": 0}
    wrong = [
        name for name, low in least.items() if (number := spec.whole(asked[name])) is None or number < low
    ]
    return [
        Problem(f"flower_{name}", asked[name], f"not a whole number of at least {least[name]}", "set one")
        for name in wrong
    ]


def _exposure_problems(asked: Mapping[str, Any]) -> list[Problem]:
    address = str(asked["address"])
    if is_loopback(address) or asked["users"] or asked["oauth"]:
        return []
    return [
        Problem(
            "flower_address",
            address,
            "who reaches it may run tasks and stop workers, for neither flower_users nor flower_oauth is set",
            "set one of them, or listen on 127.0.0.1 and reach it by ssh -L",
        )
    ]


def _user(name: str, password: str) -> list[Problem]:
    """Return why Flower could not check this login; all come in one variable, as name:password,..."""
    variable = f"flower_users.{name}"
    if not name or not name.isascii() or re.search(r"[:,\s]", name):
        return [
            Problem(
                variable, "(hidden)", "not a user name for Flower", "use ASCII without colon, comma, space"
            )
        ]
    if re.fullmatch(r"your_\w+_here", password):
        return [Problem(variable, password, "the placeholder is not a password", _PASSWORD_FIX)]
    if not password or not password.isascii() or "," in password or not password.isprintable():
        what = "not a password that Flower can check: ASCII without comma"
        return [Problem(variable, "(hidden)", what, _PASSWORD_FIX)]
    return []


def _oauth_problems(oauth: Mapping[str, Any]) -> list[Problem]:
    if not oauth:
        return []
    missing = [key for key in OAUTH_KEYS if not oauth.get(key)]
    if missing:
        return [Problem("flower_oauth", sorted(oauth), f"{', '.join(missing)} is missing", "set it")]
    if oauth["provider"] not in OAUTH_PROVIDERS:
        fix = did_you_mean(oauth["provider"], OAUTH_PROVIDERS)
        return [Problem("flower_oauth.provider", oauth["provider"], "no login handler of Flower", fix)]
    return []


class Service(TypedDict):
    """environment: the file that Flower is started with. url: where it answers on its own host."""

    environment: str
    url: str


def service(asked: Mapping[str, Any], broker_url: str, result_backend: str = "") -> Service:
    """Return what Flower is started with and where it answers; the arguments are those of `environment`."""
    return {"environment": environment(asked, broker_url, result_backend), "url": own_url(asked)}


def environment(asked: Mapping[str, Any], broker_url: str, result_backend: str) -> str:
    """Return the environment file that Flower is started with; only there its secrets are.

    :param asked: The role's variables, as ``problems`` takes them, and ``url_prefix``, ``xheaders``,
        ``cookie_secret`` and the ``memory_max_mb`` of the unit, from which a ``max_tasks`` of 0 follows.
    :param broker_url: The broker as this host reaches it.
    :param result_backend: Where results are; empty leaves them out.
    :raises ValueError: A variable of the operator's is none that systemd could read.
    """
    oauth = asked["oauth"]
    variables = {
        "CELERY_BROKER_URL": broker_url,
        "CELERY_RESULT_BACKEND": result_backend,
        "FLOWER_ADDRESS": asked["address"],
        "FLOWER_PORT": asked["port"],
        "FLOWER_URL_PREFIX": asked["url_prefix"],
        "FLOWER_XHEADERS": asked["xheaders"],
        "FLOWER_MAX_TASKS": int(asked["max_tasks"]) or max_tasks(asked["memory_max_mb"]),
        "FLOWER_PERSISTENT": True,
        "FLOWER_DB": STATE_FILE,
        "FLOWER_STATE_SAVE_INTERVAL": SAVE_STATE_EVERY_MS,
        "FLOWER_COOKIE_SECRET": asked["cookie_secret"],
        "FLOWER_BASIC_AUTH": ",".join(f"{name}:{password}" for name, password in asked["users"].items()),
        "FLOWER_AUTH_PROVIDER": OAUTH_PROVIDERS.get(oauth.get("provider", "")),
        "FLOWER_AUTH": oauth.get("emails"),
        "FLOWER_OAUTH2_KEY": oauth.get("key"),
        "FLOWER_OAUTH2_SECRET": oauth.get("secret"),
        "FLOWER_OAUTH2_REDIRECT_URI": oauth.get("redirect_uri"),
        **asked["environment"],
    }
    return environment_file({name: None if value == "" else value for name, value in variables.items()})


def max_tasks(memory_max_mb: int) -> int:
    """Return how many tasks a Flower that may use ``memory_max_mb`` can remember."""
    return max(min((memory_max_mb - OWN_MB) * 1024 // TASK_KB, MOST_TASKS), 1)


def own_url(asked: Mapping[str, Any]) -> str:
    """Return the URL at which Flower's own host reaches it, without a slash at its end."""
    address = str(asked["address"])
    if address in ("", "0.0.0.0", "::"):
        address = "127.0.0.1"
    place = f"[{address}]" if ":" in address else address
    prefix = str(asked["url_prefix"]).strip("/")
    return f"http://{place}:{asked['port']}" + (f"/{prefix}" if prefix else "")
