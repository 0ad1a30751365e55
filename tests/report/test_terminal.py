"""What the terminal shows: 80 columns, plain in a pipe, names as they are."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from spm_bench.report.terminal import print_table
from tests.report.fakes import NASTY, make_suite, otb, vot


def printed(evaluations: list[object], suite: object, **options: object) -> str:
    stream = io.StringIO()
    print_table(evaluations, suite, Console(file=stream, width=80, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_a_pipe_gets_plain_text_of_80_columns() -> None:
    suite = make_suite("vot2016", "vot", n=60, n_total=60)
    text = printed([vot(suite, "a_tracker_with_a_really_long_name_" * 3, 0.4), vot(suite, "SiamRPN++", 0.3)], suite)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    lines = text.splitlines()
    assert lines[0].startswith("VOT2016: 60 sequences, protocol supervised")
    assert "Convention vot-toolkit: EAO, A, R, Lost" in text
    for head in ("EAO ↑", "A ↑", "R ↓", "Lost ↓"):
        assert head in text
    # the long name is folded, never cut
    assert "".join(re.findall(r"^ (\S+)", text, re.M)).count("a_tracker_with_a_really_long_name_") == 3


def test_a_terminal_gets_bold_for_the_best_and_underline_for_the_second() -> None:
    suite = make_suite("demo")
    text = printed([otb(suite, "a", 0.7), otb(suite, "b", 0.6)], suite, force_terminal=True, color_system="standard")
    assert re.search(r"\x1b\[1m0\.700", text)
    assert re.search(r"\x1b\[4m0\.600", text)


def test_coverage_and_untrained_are_seen() -> None:
    suite = make_suite("otb100", n=14, n_total=100)
    text = printed([otb(suite, "SPM", 0.1, trained="no")], suite)
    assert "14 of 100 sequences" in text
    assert "SPM (untrained)" in text
    assert "do not compare" in " ".join(text.split())


def test_names_are_no_markup_and_no_escape_sequences() -> None:
    suite = make_suite("demo")
    text = printed([otb(suite, "[bold]x[/bold]", 0.5), otb(suite, "a\x1b[31mb", 0.4), otb(suite, NASTY, 0.3)], suite)
    assert "[bold]x[/bold]" in text
    assert "\x1b" not in text
    assert "追踪" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_output_without_unicode_gets_ascii(encoding: str) -> None:
    suite = make_suite("demo")
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    print_table([otb(suite, "追踪", None), otb(suite, "b", 0.5)], suite, Console(file=stream, width=80))
    stream.flush()
    text = raw.getvalue().decode(encoding)
    assert "AUC ^" in text
    assert "??" in text


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    suite = make_suite("demo")
    print_table([otb(suite, "a", 0.7)], suite)
    assert "0.700" in capsys.readouterr().out


@pytest.mark.parametrize("width", range(50, 90))
def test_numbers_are_never_broken_where_there_is_room_for_them(width: int) -> None:
    suite = make_suite("demo")
    ends = {"low": 0.9996, "high": 1.0}
    stream = io.StringIO()
    evaluations = [otb(suite, f"T{i}_a_long_tracker_name", 0.9 - i / 9, **ends) for i in range(3)]
    print_table(evaluations, suite, Console(file=stream, width=width))  # type: ignore[arg-type]
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if re.match(r" T\d_", line)]
    assert len(rows) == 3
    shown = sum(width >= least for least in (54, 69))  # a name of 20 letters, two numbers; with one interval, with two
    assert [len(re.findall(r" 0\.\d{3}", row)) for row in rows] == [2, 2, 2]
    assert [len(re.findall(r" \[1\.000, 1\.000\]", row)) for row in rows] == [shown] * 3
