"""The page: a function of the numbers that lie beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence as Many
from pathlib import Path
from typing import Any

from proving.compare import FEWEST_UNITS, markdown_table, number, signed
from proving.document import draw_picture

from family_study.measure import AXES, EXPECTED, LEVELS, MEAN, METRICS, OTB, SCENES, STEPS, VOT
from family_study.methods import METHODS, PUBLISHED, RATES, REFERENCES, RIVALS, SEEDS, SPM, label_of
from family_study.pictures import Titled, pictures
from family_study.study import Study
from family_study.wording import (
    by_seed,
    interval_text,
    listed,
    published_says,
    rates_say,
    rows_of,
    spread,
    statement,
    verdict,
)
from spm_bench.report.differences import p_text
from spm_bench.report.render import escape_markdown
from spm_bench.report.vocabulary import DASH, style_of
from spm_bench.results.files import write_text

COMMAND = "python reports/family.py"
TAKEN_OVER = ", for another seed of the training"
"""What `experiments/train/choose_settings.py --like` adds to the note on how settings were chosen."""
LIMITS = """
* The trunk (the first three blocks) is that of SPM-lite, which was trained with SPM's losses: features that suit SPM
  may favour it, and the rivals could not change them. What a method could make of a trunk of its own is not asked here.
* The networks are narrow (lite) and saw {pairs} each: papers train wider ones a thousand times longer. What helps early
  and small need not help late and large.
* The pictures are small packs of videos, stills and drawn scenes, the same for all; they are not the papers' data, so
  no number here is comparable with a published one of the same name.
* {grounds} Intervals speak about the choice of sequences, not of benchmarks.
* The steps are drawn. They show what a method answers to, not how often it matters in videos.
* Three trainings of a method say roughly how far the luck of a training reaches, and no more.
* A rival's rules at inference are those of its paper or released code as far as constants were given; what is ours is
  named in `spm_bench/trackers/siamese/config.py`. Sizes of template and search image are SPM's in all.
* What cannot be concluded: that one *paper* is better than another; what any of them reaches when trained in full; that
  a difference which is not established here is none.
"""


def write_page(study: Study, folder: Path) -> Path:
    """Write README.md and the figures into `folder`; returns the page.

    Raises:
        ResultsError: The folder cannot be written.
    """
    made = pictures(study)
    for picture in made.values():
        draw_picture(picture, folder)
    write_text(folder / "README.md", page_text(study, made))
    return folder / "README.md"


def page_text(study: Study, made: dict[str, Titled]) -> str:
    """The page in Markdown."""
    blocks = [
        "# The family on equal terms",
        _question(),
        *_missing(study),
        "## What is equal",
        _equal(study),
        "## What differs",
        _methods(),
        "## Results",
        *_results(study),
        *_shown(made, "forest"),
        "## SPM against each rival",
        *_tests(study),
        *_shown(made, "sequences"),
        "## How far a training's luck reaches",
        *_luck(study),
        "## Where the second stage pays",
        *_steps(study),
        *_shown(made, "response"),
        "## Published KCF on the same sequences",
        *_published(study),
        "## What a frame costs",
        *_costs(study),
        *_shown(made, "cost"),
        "## The price of learning online",
        *_rates(study),
        *_shown(made, "cost_steps"),
        "## Limits",
        _limits(study),
        "## Files",
        _files(study),
    ]
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def _question() -> str:
    return (
        "What does each member of the Siamese family bring when nothing else differs: a second stage (SPM), region "
        "proposals (SiamRPN), pairs and rules that know distractors (DaSiamRPN), or one score a cell (SiamFC)? Four "
        "methods, three trainings each, one budget."
    )


def _missing(study: Study) -> list[str]:
    absent = study.facts["missing_weights"]
    lines = []
    if absent:
        lines.append(f"trainings not there when this was made: {', '.join(absent)}")
    if study.facts["missing_suites"]:
        lines.append(f"sequences not there: {', '.join(study.facts['missing_suites'])}")
    if not study.facts["published"] and OTB in study.facts["suites"]:
        lines.append("published boxes of KCF not there (`--published`)")
    steps, whole = study.facts["suites"].get(STEPS, {"sequences": ()}), len(AXES) * LEVELS * SCENES
    if len(steps["sequences"]) < whole:
        lines.append(f"steps of difficulty in part: {len(steps['sequences'])} of {whole} sequences")
    if study.speed is None:
        lines.append(f"no timing yet (`{COMMAND} --weights WEIGHTS --speed`)")
    if not lines:
        return []
    return ["**Incomplete.** " + "; ".join(lines) + "."]


def _equal(study: Study) -> str:
    facts = study.facts["networks"]
    trunks, pairs = ({fact[name] for fact in facts} for name in ("trunk", "pairs"))
    data = [fact["data"] for fact in facts]
    same_data = all(one == data[0] for one in data)
    return "\n".join(
        (
            "* **Trunk**: the first three blocks of SPM-lite's network, kept as they are in training; "
            f"{_sameness(len(trunks) == 1 and None not in trunks, 'bit for bit the same in all', facts)}. The last two "
            "blocks and the head are each method's own.",
            "* **Data**: the same packs and drawn scenes; "
            f"{_sameness(same_data, 'the same counts in all files', facts)}.",
            f"* **Budget**: {_pairs_text(pairs)}, batches and schedule the same (`experiments/train/family/*.toml`), "
            f"seeds {listed(map(str, SEEDS))}.",
            f"* **Tuning**: {_tuning(facts)}",
        )
    )


def _sameness(same: bool, words: str, facts: Many[dict[str, Any]]) -> str:
    return f"{words} ({len(facts)} networks compared)" if same else f"**not** {words}: see `family.json`"


def _pairs_text(pairs: set[int | None]) -> str:
    if len(pairs) == 1 and None not in pairs:
        return f"{next(iter(pairs)):,} pairs each"
    return "**unequal numbers of pairs**: " + ", ".join("unknown" if p is None else f"{p:,}" for p in pairs)


def _tuning(facts: Many[dict[str, Any]]) -> str:
    chosen = {fact["chosen_on"] for fact in facts}
    never = "No setting of anybody was chosen on the sequences of this page."
    if chosen == {""}:
        return f"none: all run with the constants of their papers or released code. {never}"
    if "" in chosen:
        plain = [label_of(f["method"], str(f["seed"])) for f in facts if not f["chosen_on"]]
        return f"settings chosen on held-out training videos, but **not for {listed(plain)}**. {never}"
    own = sorted({note.removesuffix(TAKEN_OVER) for note in chosen})
    how = "for one seed of a method and taken over for the others" if len(own) < len(chosen) else "for each network"
    told = escape_markdown("; ".join(own))
    settings = {fact["method"]: _settings_text(fact["settings"]) for fact in facts}
    away = "; ".join(f"{method} {text}" for method, text in settings.items())
    return f"settings were chosen {how}, as the files of the weights say: {told}. Changed: {away}. {never}"


def _settings_text(settings: dict[str, Any]) -> str:
    return listed(f"`{name}` {value:g}" for name, value in settings.items()) if settings else "nothing"


def _methods() -> str:
    heads = ("", "head", "loss", "positives", "pairs", "rules at inference", "source")
    rows = [(f"**{m.name}**", m.head, m.loss, m.positives, m.pairs, m.rules, m.source) for m in METHODS]
    return markdown_table(heads, rows).replace("--:", ":--")


def _members(study: Study) -> list[tuple[str, str, str]]:
    """(method, seed, how the table calls it): each mean with its trainings below, then the references."""
    rows = []
    for method in METHODS:
        seeds = study.seeds(method.name)
        if seeds:
            rows.append((method.name, MEAN, f"**{method.name}**, mean of {len(seeds)}"))
            rows += [(method.name, seed, f"seed {seed}") for seed in seeds]
    rows += [(entry.name, "", f"*{entry.name}*") for entry in REFERENCES]
    return [*rows, (PUBLISHED, "", f"*{PUBLISHED}*")]


def _results(study: Study) -> list[str]:
    suites, columns = study.facts["suites"], _columns(study)
    rows = []
    for method, seed, title in _members(study):
        texts = [_score_text(study, suite, part, method, seed, metric) for suite, part, metric, _ in columns]
        if any(text != DASH for text in texts):
            rows.append((title, *texts, *_times(study, method)))
    timed = ("network ms", "tracker ms") if study.speed else ()
    table = markdown_table(("Tracker", *(head for *_, head in columns), *timed), rows)
    about = [f"{suite['title']}: {suite['described']}" for suite in suites.values()]
    return [
        f"{'. '.join(about)}. Brackets: 95 % bootstrap intervals of the choice of sequences, with all seeds on each "
        "that is drawn. References (in italics) are no part of the comparison: other features, other budgets.",
        table,
        _eao(study),
    ]


def _columns(study: Study) -> list[tuple[str, str, str, str]]:
    """(suite, part, metric, head) of the table of results."""
    columns = []
    for suite in study.facts["suites"]:
        metrics = [*METRICS[suite], "eao", EXPECTED] if suite == VOT else METRICS[suite]
        for metric in metrics:
            if metric in ("robustness",) or (metric == EXPECTED and study.facts["suites"][suite]["lengths"] is None):
                continue
            arrow = "↓" if metric == "failures" else "↑"
            title = (
                "overlap over lengths {} to {}".format(*study.facts["suites"][suite]["lengths"])
                if metric == EXPECTED
                else style_of(metric).title
            )
            columns.append((suite, "", metric, f"{_short(suite)} {title} {arrow}"))
        if suite == STEPS:
            columns += [(suite, axis, "auc", f"{axis} ↑") for axis in AXES]
    return columns


def _short(suite: str) -> str:
    return {OTB: "OTB", VOT: "VOT", STEPS: "steps"}[suite]


def _score_text(study: Study, suite: str, part: str, method: str, seed: str, metric: str) -> str:
    row = study.score(suite, method, seed, metric, part)
    if row is None or not math.isfinite(row["value"]):
        return DASH
    digits = 1 if metric == "failures" else 3
    text = number(row["value"], digits)
    bare = part or (seed != MEAN and seed != "")
    if bare or row["n_units"] < FEWEST_UNITS or not math.isfinite(row["low"]):
        return text
    return f"{text} [{row['low']:.{digits}f}, {row['high']:.{digits}f}]"


def _times(study: Study, method: str) -> tuple[str, ...]:
    if study.speed is None:
        return ()
    row = next((row for row in study.speed["rows"] if row["method"] == method), None)
    return ("", "") if row is None else (number(row["network_ms"], 1), number(row["tracker_ms"], 1))


def _eao(study: Study) -> str:
    vot = study.facts["suites"].get(VOT)
    if vot is None or vot["lengths"] is None or vot["eao_interval"][1] <= vot["longest"]:
        return ""
    low, high = vot["eao_interval"]
    return (
        f"EAO is undefined here: it averages lengths {low} to {high}, and the longest sequence has {vot['longest']} "
        "frames. The column beside it averages the same curve over the lengths at hand; it is no EAO."
    )


def _tests(study: Study) -> list[str]:
    lines = [
        "Paired by sequence and seed: each sequence counts once, with the mean of both methods over their seeds "
        "(trainings are no independent sequences). Intervals are bootstraps over sequences; p is of Wilcoxon's "
        "signed-rank test (for scores that no single sequence has, of a test that swaps the two), corrected by Holm "
        "over the rivals."
    ]
    sentences, rows = [], []
    for suite, part, metric, title in _compared(study):
        for row in rows_of(study.compared(suite, metric, part), RIVALS, MEAN):
            digits = 1 if metric == "failures" else 3
            if (suite, metric, part) in ((OTB, "auc", ""), (STEPS, "auc", "")):
                sentences.append(f"* {statement(row, title)}")
            record = "/".join(
                f"{row[name]:.0f}" for name in ("losses", "ties", "wins")
            )  # of SPM, where the row is the rival's
            rows.append(
                (
                    f"{SPM} minus {row['method']}",
                    title,
                    interval_text(row, turned=True, digits=digits, short=True),
                    p_text(row["p"]),
                    p_text(row["p_holm"]),
                    record,
                    number(row["detectable"], digits),
                    verdict(row),
                )
            )
    heads = ("", "of", "difference", "p", "corrected", "ahead/even/behind", "detectable", "")
    return [*lines, "\n".join(sentences), markdown_table(heads, rows)]


def _compared(study: Study) -> list[tuple[str, str, str, str]]:
    found = []
    for suite in study.facts["suites"]:
        for metric in METRICS[suite]:
            if metric != "robustness":
                found.append((suite, "", metric, f"{_short(suite)} {style_of(metric).title}"))
        if suite == STEPS:
            found += [(suite, axis, "auc", f"{axis} AUC") for axis in AXES]
    return found


def _luck(study: Study) -> list[str]:
    rows = []
    for suite in [name for name in (OTB, STEPS) if name in study.facts["suites"]]:
        for method in METHODS:
            values = [study.score(suite, method.name, seed, "auc") for seed in study.seeds(method.name)]
            known = [float(row["value"]) for row in values if row is not None]
            if not known:
                continue
            seeds = by_seed(study, suite, "auc", method.name) if method.name != SPM else {}
            mean = rows_of(study.compared(suite, "auc"), [method.name], MEAN)
            rows.append(
                (
                    method.name,
                    f"{_short(suite)} AUC",
                    spread(known),
                    signed(-float(mean[0]["difference"])) if mean else "",
                    ", ".join(f"{signed(value)} ({seed})" for seed, value in seeds.items()),
                )
            )
    heads = ("", "of", "deviation over trainings (range)", f"{SPM} minus it", "by seed")
    return [
        "A difference between methods that is no larger than what a method differs from itself, trained again, says "
        "little.",
        markdown_table(heads, rows),
    ]


def _steps(study: Study) -> list[str]:
    about = study.facts["suites"].get(STEPS)
    if about is None:
        return ["No steps were run."]
    return [
        f"{about['described']}: look-alikes, deformation, occlusion and scale at all four levels, drawn from seeds and "
        "categories that training never draws."
    ]


def _published(study: Study) -> list[str]:
    lines = published_says(study)
    if not lines:
        return ["Not compared: the sequences or the published boxes were not there."]
    return [
        "Raw boxes of KCF on OTB-100, a re-run by a third party, scored here by the same code on the same sequences: a "
        "mark to pass, not a rival on equal terms.",
        "\n".join(lines),
    ]


def _costs(study: Study) -> list[str]:
    if study.speed is None:
        return ["Not timed yet."]
    rows = [
        (
            escape_markdown(row["method"]),
            number(row["network_ms"], 1),
            number(row["tracker_ms"], 1),
            number(row["tracker_p95_ms"], 1),
            number(row["fps"], 1),
            number(row["spread_percent"], 0),
            number(row["memory_mib"], 0),
        )
        for row in study.speed["rows"]
    ]
    heads = ("Tracker", "network ms", "tracker ms", "p95 ms", "fps", "spread %", "memory MiB")
    warned = [f"**Warning**: {warning}." for warning in study.speed["warnings"]]
    return [
        f"One run of everybody in turns, one target at a time: {study.speed['about']}; {study.speed['hardware']}; "
        f"{study.speed['finished']}. Medians per frame. Spread: slowest less fastest round. Memory: the most that a "
        "process held which did nothing else, libraries included.",
        *warned,
        markdown_table(heads, rows),
    ]


def _rates(study: Study) -> list[str]:
    methods = [REFERENCES[0].name, *(entry.name for entry in RATES)]
    timed = {row["method"]: row for row in study.speed["rows"]} if study.speed else {}
    rows = []
    for name in methods:
        row, own = study.score(STEPS, name, "", "auc"), timed.get(name, {})
        if row is not None:
            rows.append(
                (
                    escape_markdown(name),
                    _score_text(study, STEPS, "", name, "", "auc"),
                    *(_score_text(study, STEPS, axis, name, "", "auc") for axis in AXES),
                    number(own.get("fps"), 1),
                    number(own.get("memory_mib"), 0),
                )
            )
    if not rows:
        return ["Not run."]
    heads = ("", "steps AUC ↑", *(f"{axis} ↑" for axis in AXES), "fps ↑", "memory MiB ↓")
    return [
        "A correlation filter on features of SPM-lite's network learns while it tracks: how often it does is its axis "
        "of cost (variants of `DCF`).",
        markdown_table(heads, rows),
        rates_say(study, methods),
    ]


def _shown(made: dict[str, Titled], name: str) -> list[str]:
    if name not in made:
        return []
    picture = made[name]
    return [
        f"![{picture.title}]({name}.png)",
        f"*{picture.title}* ([PDF]({name}.pdf)). {escape_markdown(picture.caption)} Made by `{COMMAND} --again`.",
    ]


def _limits(study: Study) -> str:
    pairs = {fact["pairs"] for fact in study.facts["networks"]}
    told = []
    for name in (OTB, VOT):
        suite = study.facts["suites"].get(name)
        told.append(
            f"{suite['described']} ({suite['title']} has {suite['n_total']})" if suite else f"nothing of {name}"
        )
    return LIMITS.format(
        pairs=_pairs_text(pairs).removesuffix(" each"), grounds=f"Real videos are few: {listed(told)}."
    )


def _files(study: Study) -> str:
    return "\n".join(
        (
            f"    {COMMAND} --weights WEIGHTS --data DATA --published PUBLISHED  # run what is new, score, write",
            f"    {COMMAND} --weights WEIGHTS --speed  # times and memory, on a quiet machine",
            f"    {COMMAND} --again                    # page and figures from these files",
            "",
            "* [values.csv](values.csv): every value per sequence",
            "* [scores.csv](scores.csv): every score with its interval",
            "* [differences.csv](differences.csv): everybody minus SPM, paired, with tests",
            "* [family.json](family.json): the networks (sha256, budget, settings) and the sequences",
            *(["* [speed.json](speed.json): the timing"] if study.speed else []),
        )
    )
