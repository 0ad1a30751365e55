"""Tiny trees in the native layouts of data sets, drawn by the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.training.made_packs import noise, save

WIDTH, HEIGHT = 160, 120
BOX = (60.0, 40.0, 20.0, 30.0)
"""Its crop is smaller than the limit: 3.2 * sqrt(45 * 55) = 159 pixels."""


def picture(seed: int) -> NDArray[np.uint8]:
    return noise(seed, HEIGHT, WIDTH)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def box_lines(boxes: Sequence[Sequence[float]]) -> str:
    return "".join(",".join(f"{v:g}" for v in box) + "\n" for box in boxes)


def got10k(root: Path, sequences: Mapping[str, int] | None = None) -> Path:
    """Sequences of so many frames; box k is shifted by k pixels."""
    sequences = {"GOT-10k_Train_000001": 4, "GOT-10k_Train_000002": 3} if sequences is None else sequences
    home = root / "train"
    write(home / "list.txt", "".join(f"{name}\n" for name in sequences))
    for number, (name, n) in enumerate(sequences.items()):
        folder = home / name
        for k in range(n):
            save(folder / f"{k + 1:08d}.jpg", picture(10 * number + k))
        write(folder / "groundtruth.txt", box_lines([(BOX[0] + k, *BOX[1:]) for k in range(n)]))
        write(folder / "absence.label", "0\n" * n)
        write(folder / "cover.label", "8\n" * n)
        write(
            folder / "meta_info.ini",
            f"[METAINFO]\nurl: https://example.org\nobject_class: {('horse', 'sea lion')[number]}\n",
        )
    return root


def lasot(root: Path, sequences: Sequence[str] = ("car-1", "car-2"), n: int = 6) -> Path:
    write(root / "training_set.txt", "".join(f"{name}\n" for name in ("bird-3", *sequences)))
    for number, name in enumerate(sequences):
        folder = root / name.split("-")[0] / name
        for k in range(n):
            save(folder / "img" / f"{k + 1:08d}.jpg", picture(10 * number + k))
        write(folder / "groundtruth.txt", box_lines([(BOX[0] + k + 1, BOX[1] + 1, *BOX[2:]) for k in range(n)]))
        for label in ("full_occlusion.txt", "out_of_view.txt"):
            write(folder / label, ",".join("0" * n) + "\n")
    return root


def coco_content() -> dict[str, list[dict[str, object]]]:
    """Picture 7: two cars, a tiny car, a crowd of cars, a dog. Picture 9: a dog that fills it."""

    def item(number: int, image: int, category: int, box: Sequence[float], crowd: int = 0) -> dict[str, object]:
        return {
            "id": number,
            "image_id": image,
            "category_id": category,
            "bbox": list(box),
            "iscrowd": crowd,
            "area": 1.0,
        }

    return {
        "images": [
            {"id": 7, "file_name": "000000000007.jpg", "width": WIDTH, "height": HEIGHT},
            {"id": 9, "file_name": "000000000009.jpg", "width": WIDTH, "height": HEIGHT},
        ],
        "annotations": [
            item(1, 7, 3, BOX),
            item(2, 7, 3, (100, 50, 24, 24)),
            item(3, 7, 3, (20, 20, 6, 6)),
            item(4, 7, 3, (0, 0, 100, 100), crowd=1),
            item(5, 7, 18, (10, 70, 40, 30)),
            item(6, 9, 18, (0, 0, WIDTH, HEIGHT - 2)),
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 18, "name": "dog"}],
    }


def coco(root: Path, content: object = None, split: str = "train2017") -> Path:
    for number in (7, 9):
        save(root / split / f"{number:012d}.jpg", picture(number))
    write(root / "annotations" / f"instances_{split}.json", json.dumps(coco_content() if content is None else content))
    return root


def marked(name: str, box: Sequence[float], *, track: int | None = None, occluded: int = 0, generated: int = 0) -> str:
    x, y, w, h = box
    number = "" if track is None else f"<trackid>{track}</trackid>"
    sides = f"<xmax>{x + w:g}</xmax><xmin>{x:g}</xmin><ymax>{y + h:g}</ymax><ymin>{y:g}</ymin>"
    flags = "" if track is None else f"<occluded>{occluded}</occluded><generated>{generated}</generated>"
    return f"<object>{number}<name>{name}</name><bndbox>{sides}</bndbox>{flags}</object>\n"


def annotation(*objects: str) -> str:
    return (
        "<annotation>\n<folder>f</folder><filename>n</filename>\n"
        f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>\n{''.join(objects)}</annotation>\n"
    )


CAR, DOG = "n02958343", "n02084071"
FAR = (100.0, 70.0, 24.0, 24.0)


def imagenet_vid(root: Path, frames: int = 6) -> Path:
    """One video: car 0 always (occluded in frame 1, generated in 2), car 1 in the even frames, a dog in the last."""
    video = "VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    for k in range(frames):
        objects = [marked(CAR, (BOX[0] + k, *BOX[1:]), track=0, occluded=int(k == 1), generated=int(k == 2))]
        objects += [marked(CAR, FAR, track=1)] if k % 2 == 0 else []
        objects += [marked(DOG, (10, 60, 30, 30), track=2)] if k == frames - 1 else []
        write(root / "Annotations" / video / f"{k:06d}.xml", annotation(*objects))
        save(root / "Data" / video / f"{k:06d}.JPEG", picture(k)) if k < 9 else None
    write(root / "devkit" / "data" / "map_vid.txt", f"{CAR} 7 car\n{DOG} 8 domestic_cat\n")
    return root


def imagenet_det(root: Path) -> Path:
    """Two folders: a picture with two cars and a dog, and one without objects."""
    for place, objects in (
        ("ILSVRC2013_train/n02958343/n02958343_18", [marked(CAR, BOX), marked(CAR, FAR), marked(DOG, (5, 5, 30, 30))]),
        ("ILSVRC2014_train_0000/ILSVRC2014_train_00000001", []),
    ):
        write(root / "Annotations/DET/train" / f"{place}.xml", annotation(*objects))
        save(root / "Data/DET/train" / f"{place}.JPEG", picture(3))
    return root


def youtube_line(video: str, time: int, thing: str, number: int, box: Sequence[float] | None) -> str:
    if box is None:
        return f"{video},{time},23,{thing},{number},absent,-1,-1,-1,-1"
    x, y, w, h = box
    shares = (x / WIDTH, (x + w) / WIDTH, y / HEIGHT, (y + h) / HEIGHT)
    return f"{video},{time},23,{thing},{number},present," + ",".join(repr(v) for v in shares)


def youtube_lines() -> list[str]:
    return [
        youtube_line("AAA", 1000, "train", 0, BOX),
        youtube_line("AAA", 2000, "train", 0, (BOX[0] + 5, *BOX[1:])),
        youtube_line("AAA", 3000, "train", 0, None),
        youtube_line("AAA", 4000, "train", 0, BOX),
        youtube_line("AAA", 1000, "train", 1, FAR),
        youtube_line("BB_-", 1000, "train", 0, BOX),
    ]


def youtube_bb(root: Path, lines: Sequence[str] | None = None) -> Path:
    """Frames 1000, 2000 and 3000 of video AAA; nothing of the other."""
    write(
        root / "yt_bb_detection_train.csv",
        "".join(f"{line}\n" for line in (youtube_lines() if lines is None else lines)),
    )
    for time in (1000, 2000, 3000):
        save(root / "frames" / "AAA" / f"{time}.jpg", picture(time))
    return root
