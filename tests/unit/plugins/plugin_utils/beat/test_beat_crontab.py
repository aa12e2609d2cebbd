# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A crontab of the inventory means what Celery takes it for."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import crontab
from celery.schedules import crontab as Crontab  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st


def part(field: crontab.Field) -> st.SearchStrategy[str]:
    """One part of a field, right or nearly so."""
    number = st.integers(field.least - 1, field.most + 1).map(str)
    word = st.sampled_from([*field.words, "Monday", "x", ""]) if field.words else number
    point = st.one_of(number, number, word)
    ranged = st.tuples(point, point).map("-".join)
    step = st.sampled_from(["", "", "/2", "/7", "/100", "/0", "/x", "/"])
    return st.tuples(st.one_of(st.just("*"), point, ranged), step).map("".join)


def text(field: crontab.Field) -> st.SearchStrategy[str]:
    """A field of a crontab, right or nearly so."""
    return st.lists(part(field), min_size=1, max_size=3).map(",".join)


@given(st.data())
@pytest.mark.parametrize("field", crontab.FIELDS, ids=crontab.NAMES)
def test_what_we_take_celery_takes_and_means_the_same(field: crontab.Field, data: st.DataObject) -> None:
    spec = data.draw(text(field))
    try:
        ours = crontab.values(spec, field)
    except ValueError:
        return
    assert getattr(Crontab(**{field.name: spec}), field.name) == ours


@given(st.data())
@pytest.mark.parametrize("field", crontab.FIELDS, ids=crontab.NAMES)
def test_what_celery_refuses_we_refuse(field: crontab.Field, data: st.DataObject) -> None:
    spec = data.draw(text(field))
    try:
        Crontab(**{field.name: spec})
    except Exception:
        with pytest.raises(ValueError, match="'"):
            crontab.values(spec, field)


@pytest.mark.parametrize(
    ("field", "spec", "numbers"),
    [
        (0, "*", set(range(60))),
        (0, "*/15", {0, 15, 30, 45}),
        (0, "1,13,30-33,50-59/3", {1, 13, 30, 31, 32, 33, 50, 53, 56, 59}),
        (1, "22-3", {22, 23, 0, 1, 2, 3}),
        (2, "*/10", {1, 11, 21, 31}),
        (3, "jan-mar,december", {1, 2, 3, 12}),
        (4, "sat-mon,3", {6, 0, 1, 3}),
    ],
)
def test_right_ones(field: int, spec: str, numbers: set[int]) -> None:
    assert crontab.values(spec, crontab.FIELDS[field]) == numbers


@pytest.mark.parametrize(
    ("field", "spec"),
    [(0, "60"), (0, "-1"), (0, "5/10"), (0, "jan"), (0, "1 2"), (0, ""), (2, "0"), (4, "7"), (4, "L")],
)
def test_wrong_ones(field: int, spec: str) -> None:
    with pytest.raises(ValueError, match="'"):
        crontab.values(spec, crontab.FIELDS[field])


def test_a_day_that_no_month_has() -> None:
    assert not crontab.occurs({30, 31}, {2})
    assert not crontab.occurs({31}, {4, 6, 9, 11})
    assert crontab.occurs({29}, {2})
    assert crontab.occurs({31}, {2, 3})
