"""Tables of everything that has a name: what `spm-bench ls` prints, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from spm_bench.cli import ls


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; `|` in a cell is escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def suites() -> str:
    """Every suite: what it is, its protocol, how many sequences it has."""
    rows = ls.list_suites(None)
    return table(
        ("suite", "what", "protocol", "sequences"),
        ((f"`{r['name']}`", r["about"], r["protocol"], "" if r["sequences"] is None else r["sequences"]) for r in rows),
    )


def protocols() -> str:
    """Every protocol and what it is."""
    return table(("protocol", "what"), ((f"`{r['name']}`", r["about"]) for r in ls.list_protocols(None)))


def trackers() -> str:
    """Every tracker and how many variants it has."""
    rows = ls.list_trackers(None)
    return table(("tracker", "what", "variants"), ((f"`{r['name']}`", r["about"], r["variants"]) for r in rows))


def variants() -> str:
    """The variants of SPM: what each changes, and what is expected of it."""
    rows = {r["variant"]: r for r in ls.list_variants(None) if r["tracker"] == "SPM"}.values()
    return table(
        ("variant", "what", "changes", "expected"),
        (
            (
                f"`{r['variant']}`",
                r["about"],
                ", ".join(f"`{name} = {value}`" for name, value in r["changes"].items()),
                r["expected"],
            )
            for r in rows
        ),
    )


def metrics() -> str:
    """Every metric: its name in files, its head in tables, what it is."""
    rows = ls.list_metrics(None)
    heads = {"--metric": "with `--metric`"}
    return table(
        ("metric", "in tables", "what"),
        ((f"`{r['name']}`", heads.get(r["title"], r["title"]), r["about"]) for r in rows),
    )
