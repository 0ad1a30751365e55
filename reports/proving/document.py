"""The document: parts of paragraphs, tables and pictures, and the files they become."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from proving.compare import Field, tidy
from spm_bench.report import style
from spm_bench.results.files import write_bytes, write_text


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its place in the document.

    Attributes:
        name: File name without ending.
        figure: To be drawn as PNG and PDF.
        caption: What it shows.
    """

    name: str
    figure: Figure
    caption: str


@dataclass(frozen=True, eq=False)
class Part:
    """A chapter.

    Attributes:
        name: As given to `--part`.
        title: Its heading.
        blocks: Paragraphs and tables in Markdown, and pictures, in order.
        fields: What was compared, for the file of all values.
    """

    name: str
    title: str
    blocks: tuple[str | Picture, ...]
    fields: tuple[Field, ...]


HEAD = """# Proof

What SPM, trained by this project, reaches on sequences never seen in training, and what its parts are for. Made by

    PROOF="{command}"
    $PROOF{ablation}

of which `$PROOF --part NAME` makes the part NAME alone.

* **run here** are trackers that this project ran; finished sequences are kept in the run folders and not run again.
  **raw results** are boxes published by the authors of a tracker (or a named third party), scored here by the same
  code on the same sequences. No number is copied from print.
* Weights of SPM: {weights}.
* Brackets are 95 % intervals of the mean: bias-corrected and accelerated bootstrap over whole videos
  (`spm_bench/metrics/paired.py`, 10,000 resamples, seed 0). Differences are paired: the same sequences, one by one.
  **Bold** differences have zero outside their interval. With fewer than four videos no interval is given.
  Intervals speak about the choice of sequences, not about another training of the same network, and are not corrected
  for how many of them there are.
* These are parts of the benchmarks: scores compare with each other, never with published scores of a whole benchmark.
* Every value per sequence: [`proof.csv`](proof.csv).
"""


@dataclass(frozen=True)
class Recipe:
    """How the document was made, in words.

    Attributes:
        command: What makes all parts but the ablation.
        ablation: The further options that name the trainings, "" without any.
        weights: What the weights are.
    """

    command: str
    ablation: str
    weights: str

    def of(self, part: Part) -> str:
        """The command that makes one part."""
        return f"$PROOF{self.ablation if part.name == 'ablation' else ''} --part {part.name}"


def write_document(parts: Many[Part], folder: Path, recipe: Recipe) -> list[Path]:
    """Write `proof.md`, its pictures and `proof.csv` into `folder`; returns the files, the document first.

    Args:
        parts: In order.
        folder: Made if it is not there.
        recipe: How they were made.

    Raises:
        ResultsError: The folder cannot be written.
    """
    lines = [HEAD.format(command=recipe.command, ablation=recipe.ablation, weights=recipe.weights)]
    pictures: list[Path] = []
    for part in parts:
        lines.append(f"## {part.title}\n\n`{recipe.of(part)}`\n")
        for block in part.blocks:
            if isinstance(block, Picture):
                pictures += draw_picture(block, folder)
                block = f"![{block.caption}]({block.name}.png)\n\n*{block.caption}* `{recipe.of(part)}`\n"
            lines.append(block)
    document, values = folder / "proof.md", folder / "proof.csv"
    write_text(document, "\n".join(lines))
    frame = pd.concat([tidy(part.name, part.fields) for part in parts], ignore_index=True)
    write_text(values, frame.to_csv(index=False, lineterminator="\n"))
    return [document, values, *pictures]


def draw_picture(picture: Picture, folder: Path) -> list[Path]:
    """Write a picture's PNG and PDF; returns the files."""
    files = [folder / f"{picture.name}.png", folder / f"{picture.name}.pdf"]
    for path, draw in zip(files, (style.to_png, style.to_pdf), strict=True):
        write_bytes(path, draw(picture.figure))
    return files
