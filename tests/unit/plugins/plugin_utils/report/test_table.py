"""The table: aligned, never wider than asked where that can be, nothing dropped without a sign."""

from __future__ import annotations

from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.table import Column, table
from hypothesis import given
from hypothesis import strategies as st

COLUMNS = [Column("host", "HOST", merge=True), Column("instance", "INSTANCE"), Column("active", "ACTIVE")]


def test_numbers_right_words_left_and_a_dash_for_nothing() -> None:
    rows: list[dict[str, object]] = [
        {"host": "worker1", "instance": "mail-threads", "active": 12},
        {"host": "worker1", "instance": "images-prefork", "active": None},
        {"host": "ops1", "instance": "beat", "active": 0},
    ]
    assert table(rows, COLUMNS) == [
        "HOST     INSTANCE        ACTIVE",
        "worker1  mail-threads        12",
        "         images-prefork       -",
        "ops1     beat                 0",
    ]


def test_a_wide_column_of_words_is_cut_with_a_sign() -> None:
    rows: list[dict[str, object]] = [{"host": "worker1", "instance": "x" * 60, "active": 1}]
    heading, row = table(rows, COLUMNS, width=40)
    assert len(heading) == len(row) == 40
    assert "x…" in row


def test_a_number_is_never_cut() -> None:
    assert table([{"active": 1234567890}], [Column("active", "A")], width=6)[1] == "1234567890"


def test_a_column_without_any_value_is_a_column_of_words() -> None:
    assert table([{"host": "a"}], COLUMNS)[1] == "a     -         -"


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "host": st.text("abc", min_size=1, max_size=40),
                "instance": st.text("xyz-", min_size=1, max_size=60),
                "active": st.one_of(st.none(), st.integers(0, 999)),
            }
        ),
        min_size=1,
        max_size=8,
    ),
    width=st.integers(30, 120),
)
def test_every_line_fits_and_no_row_is_dropped(rows: list[dict[str, object]], width: int) -> None:
    lines = table(rows, COLUMNS, width)
    assert len(lines) == len(rows) + 1
    assert all(len(line) <= width for line in lines)
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.split()[-1] == ("-" if row["active"] is None else str(row["active"]))
