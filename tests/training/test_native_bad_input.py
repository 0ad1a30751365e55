"""Broken data sets: each fault is named by file, line where there is one, and remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spm_bench.errors import DataError, MissingDataError
from spm_bench.training.sources import load_source
from tests.training import native_trees as trees

GOT = "train/GOT-10k_Train_000002"
VID = "Annotations/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000/000000.xml"
DET = "Annotations/DET/train/ILSVRC2013_train/n02958343/n02958343_18.xml"
TABLE = "yt_bb_detection_train.csv"
JSON = "annotations/instances_train2017.json"

Break = Callable[[Path], object]


def text(path: str, content: str) -> Break:
    return lambda root: trees.write(root / path, content)


def gone(path: str) -> Break:
    def remove(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return remove


def coco(change: Callable[[Any], object]) -> Break:
    def write(root: Path) -> None:
        content = trees.coco_content()
        change(content)
        trees.write(root / JSON, json.dumps(content))

    return write


def marks(content: str) -> str:
    return trees.annotation(content)


def line(**changes: str) -> Break:
    """The table with its second line changed."""

    def write(root: Path) -> None:
        names = ("video", "time", "class", "category", "object", "presence", "xmin", "xmax", "ymin", "ymax")
        lines = trees.youtube_lines()
        fields = dict(zip(names, lines[1].split(","), strict=True)) | changes
        lines[1] = ",".join(fields.values())
        trees.write(root / TABLE, "\n".join(lines) + "\n")

    return write


CASES: list[tuple[str, Break, type[DataError], str, str, int | None]] = [
    ("got10k", gone("train/list.txt"), MissingDataError, "list of GOT-10k", "train/list.txt", None),
    ("got10k", text("train/list.txt", "GOT-10k_Val_000001\n"), DataError, "is for evaluation", "train/list.txt", 1),
    ("got10k", text("train/list.txt", "a\nGOT-10k_Test_000001\n"), DataError, "for evaluation", "train/list.txt", 2),
    ("got10k", text("train/list.txt", "../../etc\n"), DataError, "cannot be the name", "train/list.txt", 1),
    ("got10k", gone(GOT), MissingDataError, "a sequence of list.txt is missing", GOT, None),
    ("got10k", gone(f"{GOT}/groundtruth.txt"), DataError, "missing", f"{GOT}/groundtruth.txt", None),
    (
        "got10k",
        text(f"{GOT}/groundtruth.txt", "1,2,3,4\n1,2,x,4\n1,2,3,4\n"),
        DataError,
        "'x'",
        f"{GOT}/groundtruth.txt",
        2,
    ),
    (
        "got10k",
        text(f"{GOT}/groundtruth.txt", "1,2,30,40\n"),
        DataError,
        "1 lines for 3",
        f"{GOT}/groundtruth.txt",
        None,
    ),
    ("got10k", text(f"{GOT}/cover.label", "8\n9\n8\n"), DataError, "'9'", f"{GOT}/cover.label", 2),
    ("got10k", text(f"{GOT}/absence.label", "0\n0\n"), DataError, "2 lines for 3", f"{GOT}/absence.label", None),
    ("got10k", gone(f"{GOT}/00000002.jpg"), DataError, "is missing", f"{GOT}/00000002.jpg", None),
    (
        "lasot",
        gone("training_set.txt"),
        MissingDataError,
        "test sequences would be trained on",
        "training_set.txt",
        None,
    ),
    ("lasot", text("training_set.txt", "car-1\ncar\n"), DataError, "no name of LaSOT", "training_set.txt", 2),
    (
        "lasot",
        text("training_set.txt", "car-1\ncar-9\n"),
        MissingDataError,
        "a sequence of the list",
        "car/car-9",
        None,
    ),
    ("lasot", text("training_set.txt", "tank-1\n"), MissingDataError, "no category of the list", "", None),
    ("lasot", gone("car/car-2/img"), DataError, "no pictures", "car/car-2/img", None),
    ("lasot", gone("car/car-2/out_of_view.txt"), DataError, "missing", "car/car-2/out_of_view.txt", None),
    (
        "lasot",
        text("car/car-2/out_of_view.txt", "0,0,0\n"),
        DataError,
        "3 values instead of 6",
        "car/car-2/out_of_view.txt",
        1,
    ),
    ("lasot", text("car/car-2/out_of_view.txt", "0,0,0,0,0,2\n"), DataError, "6 flags", "car/car-2/out_of_view.txt", 1),
    ("coco", gone(JSON), MissingDataError, "COCO's annotations", JSON, None),
    ("coco", gone("train2017"), MissingDataError, "folder of pictures", "train2017", None),
    ("coco", text(JSON, '{\n"images": [\n'), DataError, "no JSON", JSON, 3),
    ("coco", text(JSON, "[]"), DataError, "no list 'images'", JSON, None),
    ("coco", coco(lambda c: c.pop("categories")), DataError, "no list 'categories'", JSON, None),
    ("coco", coco(lambda c: c.update(images=["a"])), DataError, "no list 'images'", JSON, None),
    ("coco", coco(lambda c: c["annotations"][1].pop("bbox")), DataError, "None of object 2 is no box", JSON, None),
    ("coco", coco(lambda c: c["annotations"][1].update(bbox=[1, 2, 3])), DataError, "object 2 is no box", JSON, None),
    (
        "coco",
        coco(lambda c: c["annotations"][1].update(bbox=[1, 2, 3, "x"])),
        DataError,
        "object 2 is no box",
        JSON,
        None,
    ),
    ("coco", coco(lambda c: c["annotations"][1].update(image_id=8)), DataError, "names picture 8", JSON, None),
    ("coco", coco(lambda c: c["annotations"][1].update(category_id=[3])), DataError, "no 'category_id'", JSON, None),
    ("coco", coco(lambda c: c["images"][0].update(width="x")), DataError, "'width' of the entry 7", JSON, None),
    (
        "coco",
        coco(lambda c: c["images"][0].update(file_name="../a.jpg")),
        DataError,
        "outside the data set",
        JSON,
        None,
    ),
    ("coco", coco(lambda c: c["annotations"].clear()), DataError, "no usable box", "train2017", None),
    ("imagenet_vid", gone("Annotations/VID"), MissingDataError, "VID's annotations", "Annotations/VID/train", None),
    ("imagenet_vid", gone("Data"), MissingDataError, "VID's pictures", "Data/VID/train", None),
    ("imagenet_vid", text(VID, "<annotation>\n<object>\n"), DataError, "no XML", VID, 3),
    ("imagenet_vid", text(VID, ""), DataError, "no XML", VID, 1),
    (
        "imagenet_vid",
        text(VID, '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>\n<a>&b;</a>'),
        DataError,
        "no annotation",
        VID,
        None,
    ),
    ("imagenet_vid", text(VID, "<a>" + " " * (1 << 20) + "</a>"), DataError, "no annotation", VID, None),
    (
        "imagenet_vid",
        text(VID, marks("<object><trackid>0</trackid><name>n1</name></object>")),
        DataError,
        "bndbox/xmin of n1 is '', no number",
        VID,
        None,
    ),
    ("imagenet_vid", text(VID, marks(trees.marked("", trees.BOX, track=1))), DataError, "has no name", VID, None),
    (
        "imagenet_vid",
        text(VID, marks(trees.marked("n1", trees.BOX, track=1).replace("<trackid>1", "<trackid>one"))),
        DataError,
        "'one'",
        VID,
        None,
    ),
    (
        "imagenet_vid",
        text(VID.replace("000000.xml", "x.xml"), marks("")),
        DataError,
        "no frame number",
        VID.replace("000000.xml", "x.xml"),
        None,
    ),
    (
        "imagenet_vid",
        text("devkit/data/map_vid.txt", "n1 1 car\nn2\n"),
        DataError,
        "not `id number word`",
        "devkit/data/map_vid.txt",
        2,
    ),
    ("imagenet_det", gone("Data"), MissingDataError, "DET's pictures", "Data/DET/train", None),
    ("imagenet_det", text(DET, "no"), DataError, "no XML", DET, 1),
    ("imagenet_det", text(DET, marks("")), DataError, "no usable box", "", None),
    ("youtube_bb", gone(TABLE), MissingDataError, "table of boxes", TABLE, None),
    ("youtube_bb", gone("frames"), MissingDataError, "decoded frames", "frames", None),
    ("youtube_bb", gone("frames/AAA"), MissingDataError, "no frame of the table", "frames", None),
    ("youtube_bb", text(TABLE, ""), DataError, "cannot be read", TABLE, None),
    ("youtube_bb", text(TABLE, "a,b\n"), DataError, "2 columns instead of 10", TABLE, 1),
    ("youtube_bb", line(presence="maybe"), DataError, "'maybe' is no presence", TABLE, 2),
    ("youtube_bb", line(xmin="left"), DataError, "'left' is no xmin", TABLE, 2),
    ("youtube_bb", line(ymax="1.2"), DataError, "no ymax", TABLE, 2),
    ("youtube_bb", line(ymax=""), DataError, "no ymax", TABLE, 2),
    ("youtube_bb", line(time="-1"), DataError, "no time", TABLE, 2),
    ("youtube_bb", line(video="../AAA"), DataError, "cannot be the name", TABLE, 2),
]


@pytest.mark.parametrize(("kind", "spoil", "error", "said", "where", "number"), CASES)
def test_a_fault_is_named(
    tmp_path: Path, kind: str, spoil: Break, error: type[DataError], said: str, where: str, number: int | None
) -> None:
    root = getattr(trees, kind)(tmp_path / "data")
    spoil(root)
    with pytest.raises(error) as caught:
        load_source(kind, root, name="mine", **({"every": 1} if kind in ("imagenet_vid", "lasot") else {}))
    assert said in str(caught.value)
    assert str(caught.value.where) == str(root / where)
    assert caught.value.line == number
