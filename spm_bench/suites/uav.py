"""UAV123, UAV123@10fps and UAV20L on disk.

`anno/<part>/<target>.txt` with x,y,w,h and the first pixel at 1, NaN where the target is out of view; pictures in
`data_seq/<part>/<video>/000001.jpg ...`. Many targets use a part of their video: the picture numbers are in the data
file. Attributes are in `anno/<part>/att/<target>.txt`, a 0 or 1 for each.
"""

from __future__ import annotations

from spm_bench.suites.annotations import BOX_COLUMNS, check_first_box, check_length, parse_rows
from spm_bench.suites.base import Sequence, Suite
from spm_bench.suites.frames import numbered_frames
from spm_bench.suites.loading import Found, Layout, Request, annotation_at_home, load_from_disk, sequence_flags


def load(request: Request) -> Suite:
    """Load uav123, uav123-10fps or uav20l (see `load_suite`)."""
    return load_from_disk(request, LAYOUT)


def _load_one(found: Found) -> Sequence:
    item, path = found.item, found.annotation
    boxes = parse_rows(path, (BOX_COLUMNS,)) - found.origin
    if item.n_frames is not None:
        check_length(len(boxes), item.n_frames, f"frames of {item.name} in {found.facts.title}", path)
    frames = numbered_frames(found.home / item.folder, item.first, item.last)
    size = frames.image_size() if frames else found.image_size
    check_first_box(boxes, path, 1, size)
    return Sequence(item.name, boxes, frames, attributes=sequence_flags(found), image_size=size)


LAYOUT = Layout(("",), annotation_at_home, _load_one)
"""A folder of annotation files alone may be named directly."""
