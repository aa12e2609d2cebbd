# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where what runs on a host lies, what its units are called, and what each reads when it starts.

A unit restarts for its inputs, and a run compares them without a word to the host: so every path that a role
writes and every input is among WATCHED_FILES. Written for Python 3.8 too, as ``snapshot``.
"""

from __future__ import annotations

CONFIG = "/etc/conf.d/celery"
ROOT = "/opt/celery"
LOGS = "/var/log/celery"
STATE = "/var/lib/celery"
UNITS = "/etc/systemd/system"

SETTINGS = f"{CONFIG}/settings.json"
SCALE = f"{CONFIG}/scale.json"
# It keeps a host's workers at rest.
DRAINED = f"{CONFIG}/drained"
CURRENT = f"{ROOT}/current"
RELEASES = f"{ROOT}/releases"
# Virtual environments that releases link to.
VENVS = f"{ROOT}/venvs"
# The release that the fleet went back from.
ROLLED_BACK = f"{ROOT}/.rolled_back"
# The directory that goes into PYTHONPATH, and the package in it.
AGENT_ROOT = f"{ROOT}/agent"
AGENT = f"{AGENT_ROOT}/celeryops_agent"
FLOWER_ROOT = f"{ROOT}/flower"
FLOWER_CONFIG = f"{FLOWER_ROOT}/etc"

# Of the template unit: its name up to and with the @, and what follows an instance's.
WORKER, SERVICE = "celery-worker@", ".service"
BEAT, FLOWER, SLICE = "celery-beat.service", "celery-flower.service", "celery.slice"
SCALER = "celery-scale.timer"
TEMPLATE_FILE = f"{UNITS}/{WORKER}{SERVICE}"
SLICE_FILE = f"{UNITS}/{SLICE}"
SCALER_FILES = (f"{UNITS}/{SCALER}", f"{UNITS}/celery-scale.service", f"{UNITS}/celery-scale-ask.service")
# What an instance leaves where it has been.
WORKER_TRACES = (
    f"{CONFIG}/worker-{{instance}}.env",
    f"{CONFIG}/environment-{{instance}}.env",
    f"{UNITS}/{WORKER}{{instance}}{SERVICE}.d",
)

# What every process of the app reads when it starts, besides its unit's own files.
APP_INPUTS = (
    f"{CONFIG}/app.env", f"{CONFIG}/broker.env", SETTINGS, AGENT, f"{AGENT}/patches", CURRENT,
)  # fmt: skip
INPUTS = {
    BEAT: (f"{UNITS}/{BEAT}", f"{CONFIG}/beat.env", f"{CONFIG}/beat.json", *APP_INPUTS),
    FLOWER: (
        f"{UNITS}/{FLOWER}", f"{CONFIG}/flower.env", f"{CONFIG}/flower-cookie.env",
        f"{FLOWER_CONFIG}/celeryconfig.py", f"{FLOWER_CONFIG}/settings.json",
    ),
    SCALER: (SCALER_FILES[0],),
    "epmd.socket": (f"{UNITS}/epmd.socket.d/50-celery.conf",),
    "rabbitmq-server.service": (
        "/etc/rabbitmq/rabbitmq.conf", "/etc/rabbitmq/rabbitmq-env.conf", "/etc/rabbitmq/enabled_plugins",
        f"{UNITS}/rabbitmq-server.service.d/50-celery.conf", "/var/lib/rabbitmq/.erlang.cookie",
    ),
}  # fmt: skip

WATCHED_FILES = (
    "/etc/celery-rabbitmq", "/etc/celery-redis", "/etc/celery-redis/*",
    CONFIG, f"{CONFIG}/*",
    "/etc/logrotate.d/celery", "/etc/rabbitmq/*", "/etc/redis/celery*", "/etc/ssl/celery-broker-ca.pem",
    f"{UNITS}/celery*", f"{UNITS}/celery*.d/*", f"{UNITS}/epmd.socket.d/*",
    f"{UNITS}/rabbitmq*", f"{UNITS}/rabbitmq*.d/*", f"{UNITS}/redis*.d/*",
    ROOT, f"{ROOT}/*", f"{AGENT_ROOT}/*", f"{AGENT}/*", f"{AGENT}/patches/*",
    f"{FLOWER_ROOT}/*", f"{FLOWER_ROOT}/*/.complete", f"{FLOWER_CONFIG}/*",
    f"{RELEASES}/[!.]*", f"{RELEASES}/[!.]*/.deployed", f"{VENVS}/[!.]*",
    STATE, LOGS, "/var/lib/rabbitmq/.erlang.cookie", "/var/lib/redis/celery*",
)  # fmt: skip
WATCHED_UNITS = (
    BEAT, FLOWER, SCALER, SLICE, "epmd.socket", "rabbitmq-server.service",
    "redis-sentinel.service", "redis-server.service", "redis.service",
)  # fmt: skip


def unit_of(instance: str) -> str:
    """Return the unit of a worker instance."""
    return f"{WORKER}{instance}{SERVICE}"


def environment_file(instance: str) -> str:
    """Return the environment file of an instance."""
    return WORKER_TRACES[0].format(instance=instance)


def hidden_file(instance: str) -> str:
    """Return the environment file of an instance that nothing shows and no plan is compared with."""
    return WORKER_TRACES[1].format(instance=instance)


def limits_file(instance: str) -> str:
    """Return the drop-in that bounds an instance."""
    return f"{WORKER_TRACES[2].format(instance=instance)}/50-limits.conf"


def inputs_of(unit: str) -> tuple[str, ...]:
    """Return what a unit reads when it starts; nothing of one that is not ours."""
    if unit.startswith(WORKER):
        instance = unit[len(WORKER) : -len(SERVICE)]
        own = (environment_file(instance), hidden_file(instance), limits_file(instance))
        return (TEMPLATE_FILE, *own, *APP_INPUTS)
    return INPUTS.get(unit, ())
