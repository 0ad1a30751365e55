"""Make the samples in this folder, each by one command, and the page that shows them.

    python reports/samples.py                                    # what needs nothing
    python reports/samples.py --data DATA --published PUBLISHED  # everything
    python reports/samples.py demo published --published PUBLISHED
    python reports/samples.py --index                            # only README.md and index.html

DATA holds sequences of OTB-100 (`otb/`) and VOT2016 (`vot2016/`), as many as there are; PUBLISHED annotations and raw
results of whole benchmarks (`otb100/`, `vot2016/`, `vot2018/`). Neither is part of this project. Runs are kept under
`runs`: a second call computes only what is new.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from indexing import Sample, to_html, to_markdown

from spm_bench.errors import SpmBenchError, unknown_name
from spm_bench.results.files import write_text

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
"""Where commands run. Paths are given from here: documents print them, and nobody's home belongs there."""


SAMPLES = (
    Sample(
        "demo",
        "The demo suite",
        "Five trackers and the coarse stage of SPM-lite alone on the embedded drawn suite: the folder that every run "
        "ends in, and the page that opens from disk, with film strips of the moments in which trackers lose targets.",
        "python reports/demo.py",
        (("report", "demo/README.md"), ("page with film strips", "demo/report.html")),
        (
            ("success over the overlap threshold", "demo/success.png"),
            ("the score over steps of difficulty", "demo/response.png"),
            ("overlap over time", "demo/strips.png"),
        ),
        "The suite was drawn by this project and looked at while it was made: it illustrates, and proves nothing.",
    ),
    Sample(
        "pair",
        "Two trackers, and why one failed",
        "SPM-lite against its coarse stage alone, sequence by sequence; and a sheet of two frames with the boxes, "
        "the proposals with their scores, and what was decided.",
        "python reports/pair.py",
        (("comparison", "pair/README.md"), ("page", "pair/comparison.html"), ("sheet", "pair/show.png")),
        (
            ("differences, sequence by sequence", "pair/waterfall.png"),
            ("what the tracker decided between, frame by frame", "pair/show.png"),
        ),
    ),
    Sample(
        "overview",
        "The picture of the README",
        "Frames of the demo suite with every tracker's box, beside the success plot.",
        "python reports/overview.py runs reports/overview.png",
        (("picture", "overview.png"),),
        (("frames of the demo suite with the boxes of all trackers, and their success plot", "overview.png"),),
    ),
    Sample(
        "published",
        "Published trackers on whole benchmarks",
        "Raw results that others published for OTB-100, VOT2016 and VOT2018, scored by this project, beside the "
        "figures in print: figures and tables only.",
        "python reports/published.py --published {published}",
        (
            ("OTB-100", "published/otb100/README.md"),
            ("VOT2016", "published/vot2016/README.md"),
            ("VOT2018", "published/vot2018/README.md"),
        ),
        (
            ("success on OTB-100", "published/otb100/success.png"),
            ("AUC per attribute of OTB-100", "published/otb100/attributes_radar.png"),
            ("accuracy over robustness on VOT2016", "published/vot2016/accuracy_robustness.png"),
            ("EAO on VOT2016", "published/vot2016/eao_ranking.png"),
        ),
        "KCF and STAPLE on OTB-100 are re-runs by third parties and need not equal the figures in print.",
    ),
    Sample(
        "agreement",
        "What is printed, and what its raw results give",
        "Figures in print beside the same trackers' raw results under every convention, and what explains the gaps.",
        "python reports/agreement.py --published {published}",
        (("document", "agreement/README.md"),),
        (("figures in print beside those of raw results", "agreement/agreement.png"),),
    ),
    Sample(
        "ablations",
        "Ablation studies",
        "What the stages of SPM-lite, its fusion weights and its padding are worth, on the demo suite and on sequences "
        "of OTB-100 and VOT2016: what is established, and what may be noise.",
        "python reports/ablations.py --data {data}",
        (
            ("what to make of them", "ablations/README.md"),
            ("stages", "ablations/stages/ablation.md"),
            ("fusion weights", "ablations/fusion_weights/ablation.md"),
            ("padding", "ablations/padding/ablation.md"),
        ),
        (
            ("differences to the base: stages", "ablations/stages/forest.png"),
            ("every combination of two fusion weights", "ablations/fusion_weights/heat_otb100_auc.png"),
        ),
    ),
    Sample(
        "search",
        "A search of settings",
        "Settings of SPM-lite searched on one part of the demo suite and judged on the other, which no trial has seen.",
        "python reports/search.py",
        (("report", "search/README.md"),),
        (
            ("scores of the trials", "search/history.png"),
            ("what tuned settings are worth on sequences that were held out", "search/transfer.png"),
        ),
    ),
    Sample(
        "proof",
        "Where SPM-lite stands",
        "The network that comes with the package beside OpenCV's trackers and raw results of others, on real sequences "
        "at hand; what each stage earns, and what each rule of training.",
        "python reports/proof.py --data {data} --published {published}",
        (("document", "proof.md"), ("every value", "proof.csv")),
        (
            ("success on OTB targets", "proof_otb_success.png"),
            ("paired differences", "proof_otb_differences.png"),
            ("what the stages are for", "proof_stages.png"),
        ),
        "The chapter on rules of training needs the trainings themselves: `--ablation`, see `python reports/proof.py "
        "--help`.",
    ),
)
BY_HAND = (
    Sample(
        "family",
        "The Siamese family on equal terms",
        "SPM, SiamRPN, DaSiamRPN and SiamFC from one trunk, the same data and one budget, several trainings each: "
        "paired tests, what a training's luck does, where the second stage pays, what a frame costs.",
        "python reports/family.py --weights WEIGHTS --data {data} --published {published}",
        (("page", "family/README.md"), ("every value", "family/values.csv")),
        (
            ("everybody minus SPM", "family/forest.png"),
            ("AUC over steps of difficulty", "family/response.png"),
        ),
        "WEIGHTS holds the networks of `experiments/train/family/`, for each of its seeds.",
    ),
    Sample(
        "training",
        "A training",
        "Losses and validations of a training of SPM-lite over the pairs it saw.",
        "python reports/training.py --runs runs/train --out reports",
        (("figure", "training.pdf"),),
        (("losses and validations", "training.png"),),
        "Needs the folder of a training (`spm-bench train experiments/train/spm_lite`).",
    ),
    Sample(
        "mutation",
        "Do the tests find faults?",
        "A sample of small faults put into metrics and protocols, and those that no test finds.",
        "python reports/mutation.py",
        (("report", "mutation.md"),),
    ),
)
"""Samples that `samples.py` does not make: what they need takes hours."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ", ".join(sample.name for sample in SAMPLES)
    parser.add_argument("names", nargs="*", metavar="SAMPLE", help=f"default: all of {known}")
    parser.add_argument("--data", type=Path, help="folder with otb/ and vot2016/")
    parser.add_argument("--published", type=Path, help="folder with raw results of others")
    parser.add_argument("--index", action="store_true", help="write the index only")
    return parser.parse_args(arguments)


def chosen(names: list[str]) -> list[Sample]:
    """The samples of these names; all without any.

    Raises:
        UsageError: There is no such sample.
    """
    by_name = {sample.name: sample for sample in SAMPLES}
    for name in names:
        if name not in by_name:
            raise unknown_name("sample", name, by_name)
    return [by_name[name] for name in names] or list(SAMPLES)


def make(sample: Sample, data: Path | None, published: Path | None) -> str:
    """Make one sample; returns what came of it, in words."""
    missing = [f"--{need}" for need in sample.needs if {"data": data, "published": published}[need] is None]
    if missing:
        return f"left out: needs {' and '.join(missing)}"
    print(f"== {sample.name}: {sample.shown_command}", flush=True)
    code = subprocess.run(sample.words(data, published), cwd=ROOT, check=False).returncode
    return "made" if code == 0 else f"failed (exit code {code})"


def write_index(folder: Path = HERE) -> list[Path]:
    """Write README.md and index.html into `folder`; returns them."""
    samples = [*SAMPLES, *BY_HAND]
    files = [folder / "README.md", folder / "index.html"]
    for path, text in zip(files, (to_markdown(samples), to_html(samples)), strict=True):
        write_text(path, text)
    return files


def main(arguments: list[str] | None = None) -> int:
    """Make what can be made; returns the exit code: 0, 1 where a sample failed, 2 where something must be mended."""
    args = parse(arguments)
    try:
        samples = [] if args.index else chosen(args.names)
        folders = [None if path is None else Path(os.path.relpath(path, ROOT)) for path in (args.data, args.published)]
        told = {sample.name: make(sample, *folders) for sample in samples}
        index = write_index()
    except SpmBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, words in told.items():
        print(f"{name}: {words}")
    print(f"index: {index[0]}, {index[1]}")
    return 1 if any(words.startswith("failed") for words in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
