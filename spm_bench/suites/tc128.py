"""Temple Color 128 on disk.

`<target>/img/0001.jpg ...`, `<target>_gt.txt` with x,y,w,h and the first pixel at 1, and `<target>_frames.txt` with the
numbers of the first and the last picture that count.
"""

from __future__ import annotations

from pathlib import Path

from spm_bench.errors import DataError
from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, parse_rows
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, annotation_at_home, load_from_disk


def load(request: Request) -> Suite:
    """Load tc128 (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _load_one(found: Found) -> Sequence:
    item, path = found.item, found.annotation
    boxes = parse_rows(path, (BOX_COLUMNS,)) - found.origin
    listing = path.with_name(f"{item.name}_frames.txt")
    frames, size = None, found.image_size
    if listing.is_file():
        first, last = _read_range(listing)
        check_length(len(boxes), last - first + 1, f"frames in {listing.name}", path)
        frames = numbered_frames(found.home / item.folder / "img", first, last)
        size = frames.image_size() if frames else size
    elif (found.home / item.folder / "img").is_dir():
        raise DataError("the file is missing", where=listing, remedy="It says which pictures count: restore it")
    check_first_box(boxes, path, 1, size)
    return Sequence(item.name, boxes, frames, attributes=item.attributes, image_size=size)


def _read_range(path: Path) -> tuple[int, int]:
    numbers = parse_rows(path, (1, 2)).ravel()
    if len(numbers) != 2 or (numbers != numbers.round()).any() or not 0 <= numbers[0] <= numbers[1]:
        raise DataError("this is not the numbers of a first and a last picture", where=path)
    return int(numbers[0]), int(numbers[1])


LAYOUT = Layout(("",), annotation_at_home, _load_one)
"""A folder of annotation files alone may be named directly."""
