"""A queue that left the inventory left the hosts without a trace: no unit, drop-in, file or log rule."""

from __future__ import annotations

from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
GONE = "reports"


def test_no_unit(host: Host) -> None:
    listed = host.check_output(f"systemctl list-units --all --plain --no-legend '*{GONE}*'")
    files = host.check_output(f"systemctl list-unit-files --plain --no-legend '*{GONE}*' || true")
    assert (listed, files) == ("", "")


def test_no_file_named_after_it(host: Host) -> None:
    places = "/etc /run /var/lib/celery /var/log/celery /sys/fs/cgroup"
    assert host.run(f"find {places} -name '*celery*{GONE}*' -o -name '*{GONE}*.env'").stdout == ""


def test_no_file_speaks_of_it(host: Host) -> None:
    places = "/etc/systemd /etc/conf.d /etc/logrotate.d"
    assert host.run(f"grep -rl {GONE} {places}").stdout == ""


def test_no_process(host: Host) -> None:
    assert f"{GONE}-" not in host.check_output("ps -eww -o args")


def test_the_other_queues_still_run(host: Host) -> None:
    groups = host.ansible.get_variables()["group_names"]
    running = host.check_output("systemctl list-units --plain --no-legend --state=running 'celery-worker@*'")
    expected = [name for name in groups if name.startswith("celery_queue_") and GONE not in name]
    assert bool(running) == bool(expected)
