# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The sandbox: what each level says, what overrides do to it, and what is refused."""

from __future__ import annotations

import ipaddress
import re

import pytest
from ansible_collections.celeryops.systemd.plugins.filter import sandbox as sandbox_filter
from ansible_collections.celeryops.systemd.plugins.plugin_utils.sandbox import (
    KNOWN,
    LEVELS,
    STRICT,
    Value,
    sandbox,
    sandbox_problems,
)
from hypothesis import given
from hypothesis import strategies as st
from reference.roles import ROOT

overrides = st.dictionaries(
    st.sampled_from(sorted(KNOWN)),
    st.one_of(
        st.booleans(), st.integers(), st.none(), st.text("abc/@~ ", max_size=9), st.lists(st.text("ab"))
    ),
)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_is_lines_of_a_unit_ordered_by_directive(level: str) -> None:
    lines = sandbox(level)
    keys = [line.partition("=")[0] for line in lines]
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+=[^\n]*", line) for line in lines)
    assert keys == sorted(keys)
    assert set(keys) == set(LEVELS[level])


def test_relaxed_forbids_nothing_that_strict_allows() -> None:
    assert set(LEVELS["relaxed"]) < set(STRICT)


def test_the_filter_of_system_calls_first_allows_and_then_takes_away() -> None:
    lines = [line for line in sandbox("strict") if line.startswith("SystemCallFilter=")]
    assert lines == ["SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources"]


@pytest.mark.parametrize("level", LEVELS)
def test_the_metadata_of_a_cloud_is_out_of_reach_until_it_is_asked_for(level: str) -> None:
    def denied(**overrides: Value) -> list[str]:
        lines = sandbox(level, overrides)
        return [line.partition("=")[2] for line in lines if line.startswith("IPAddressDeny=")]

    hosts = [ipaddress.ip_network(address) for address in denied()]
    assert {"169.254.169.254/32", "fd00:ec2::254/128"} <= {str(host) for host in hosts}
    # Whatever a broker, an index or a resolver may have stays open.
    assert all(host.num_addresses == 1 for host in hosts)
    assert denied(IPAddressDeny=None) == []
    assert denied(IPAddressDeny="any") == ["any"]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (True, ["PrivateDevices=yes"]),
        (False, ["PrivateDevices=no"]),
        ("no", ["PrivateDevices=no"]),
        (0, ["PrivateDevices=0"]),
        ("", ["PrivateDevices="]),
        (["a", "b"], ["PrivateDevices=a", "PrivateDevices=b"]),
        (None, []),
        ([], []),
    ],
)
def test_an_override_replaces_the_directive(value: Value, lines: list[str]) -> None:
    found = [
        line for line in sandbox("strict", {"PrivateDevices": value}) if line.startswith("PrivateDevices")
    ]
    assert found == lines


@given(st.sampled_from(sorted(LEVELS)), overrides)
def test_overrides_touch_nothing_else(level: str, changed: dict[str, Value]) -> None:
    def others(lines: list[str]) -> list[str]:
        return [line for line in lines if line.partition("=")[0] not in changed]

    assert others(sandbox(level, changed)) == others(sandbox(level))


@given(overrides)
def test_what_is_known_is_no_problem(changed: dict[str, Value]) -> None:
    assert sandbox_problems("celery_worker", "strict", changed) == []


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="'stric' is no sandbox; use strict or relaxed"):
        sandbox("stric")


def test_overrides_must_be_a_dictionary() -> None:
    with pytest.raises(TypeError, match="overrides must be a dictionary, not list"):
        sandbox_filter.sandbox("strict", ["PrivateDevices"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "changed", "message"),
    [
        ("stric", {}, "w1: celery_beat_sandbox = stric: unknown sandbox; did you mean strict?"),
        (
            "strict",
            {"MemoryDenyWriteExec": False},
            "w1: celery_beat_sandbox_overrides.MemoryDenyWriteExec = False: not a directive of the sandbox, "
            "and systemd would ignore it; did you mean MemoryDenyWriteExecute?",
        ),
        (
            "strict",
            {"ReadWritePaths": "/srv \\"},
            "w1: celery_beat_sandbox_overrides.ReadWritePaths = /srv \\: not a value of a directive; "
            "use true, false, a text, a list of texts, or null for systemd's own default",
        ),
        (
            "strict",
            {"ReadWritePaths": "/srv\nUser=root"},
            "w1: celery_beat_sandbox_overrides.ReadWritePaths = /srv User=root: not a value of a directive; "
            "use true, false, a text, a list of texts, or null for systemd's own default",
        ),
        (
            "strict",
            {"ReadWritePaths": ["/srv", "/x\x07"]},
            "w1: celery_beat_sandbox_overrides.ReadWritePaths = ['/srv', '/x\\x07']: not a value of a "
            "directive; use true, false, a text, a list of texts, or null for systemd's own default",
        ),
        (
            "strict",
            {"ReadWritePaths": {"a": 1}},
            "w1: celery_beat_sandbox_overrides.ReadWritePaths = {'a': 1}: not a value of a directive; use "
            "true, false, a text, a list of texts, or null for systemd's own default",
        ),
        (
            "strict",
            ["PrivateDevices"],
            "w1: celery_beat_sandbox_overrides = ['PrivateDevices']: not a mapping of directives; write it "
            "as {PrivateDevices: false}",
        ),
    ],
)
def test_each_problem_names_the_variable_the_value_the_host_and_the_fix(
    level: str, changed: object, message: str
) -> None:
    problems = sandbox_problems("celery_beat", level, changed)
    assert [problem.text("w1") for problem in problems] == [message]


def test_the_page_tells_of_every_directive() -> None:
    page = (ROOT / "docs/how-to/sandbox.md").read_text()
    assert [key for key in STRICT if f"`{key}" not in page] == []
