"""Tiny data sets for the tests of the loaders: pictures of a few pixels, made here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48


def picture(value: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A smooth picture, so that JPEG changes it little; `value` shifts it."""
    y, x = np.mgrid[:height, :width]
    return np.stack([(x + value) % 200, (y * 2 + value) % 200, (x + y) % 200], axis=2).astype(np.uint8)


def write_picture(path: Path, value: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(value, width, height))
    return path


def write_pictures(folder: Path, n: int, first: int = 1, digits: int = 4, suffix: str = ".jpg") -> None:
    for number in range(first, first + n):
        write_picture(folder / f"{number:0{digits}d}{suffix}", number)


def box_lines(n: int, step: float = 1.0) -> list[str]:
    return [f"{10 + step * i:g},{12 + step * i:g},{8},{6}" for i in range(n)]


def write_lines(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + "\n" for line in lines).encode())
    return path


def otb_sequence(
    root: Path,
    name: str,
    n: int,
    *,
    first: int = 1,
    digits: int = 4,
    folder: str = "",
    file: str = "groundtruth_rect.txt",
) -> Path:
    home = root / (folder or name)
    write_pictures(home / "img", n, first, digits)
    write_lines(home / file, box_lines(n))
    return home


def vot_sequence(root: Path, name: str, n: int, *, color: bool = False, polygons: bool = True) -> Path:
    home = root / name
    write_pictures(home / "color" if color else home, n, digits=8)
    corners = [f"{10 + i},12,{18 + i},10,{20 + i},18,{12 + i},20" for i in range(n)]
    write_lines(home / "groundtruth.txt", corners if polygons else box_lines(n))
    return home


def got10k_sequence(root: Path, name: str, n: int, *, test: bool = False) -> Path:
    home = root / name
    write_pictures(home, n, digits=8)
    write_lines(home / "groundtruth.txt", box_lines(1 if test else n))
    if not test:
        write_lines(home / "cover.label", [str(8 - i % 3) for i in range(n)])
        write_lines(home / "absence.label", ["0"] * (n - 1) + ["1"])
        write_lines(home / "cut_by_image.label", ["0"] * n)
        write_lines(home / "meta_info.ini", ["[METAINFO]", "url: somewhere", f"resolution: ({WIDTH}, {HEIGHT})"])
    return home


def uav_sequence(root: Path, branch: str, name: str, folder: str, numbers: range, *, flags: str = "") -> None:
    """A target of UAV123 in the pictures of these numbers."""
    write_pictures(root / "data_seq" / branch / folder, len(numbers), numbers[0], digits=6)
    write_lines(root / "anno" / branch / f"{name}.txt", box_lines(len(numbers), 0.01))
    if flags:
        write_lines(root / "anno" / branch / "att" / f"{name}.txt", [flags])


def lasot_sequence(root: Path, name: str, n: int, *, occluded: tuple[int, ...] = (), out: tuple[int, ...] = ()) -> Path:
    home = root / name.rpartition("-")[0] / name
    write_pictures(home / "img", n, digits=8)
    write_lines(home / "groundtruth.txt", box_lines(n))
    for file, frames in (("full_occlusion", occluded), ("out_of_view", out)):
        (home / f"{file}.txt").write_text(",".join("1" if i in frames else "0" for i in range(n)))
    return home


def nfs_sequence(root: Path, name: str, fps: int, pictures: int, lines: int) -> Path:
    home = root / name / str(fps)
    write_pictures(home / name, pictures, digits=5)
    rows = [f'0 {10 + i} 12 {18 + i} 18 {i} 0 {int(i % 2)} 0 "{name}"' for i in range(lines)]
    write_lines(home / f"{name}.txt", rows)
    return home


def tc128_sequence(root: Path, name: str, first: int, last: int) -> Path:
    home = root / name
    write_pictures(home / "img", last - first + 3, first - 1 if first > 1 else 1)
    write_lines(home / f"{name}_gt.txt", box_lines(last - first + 1))
    write_lines(home / f"{name}_frames.txt", [f"{first},{last}"])
    return home


def trackingnet_sequence(root: Path, chunk: str, name: str, n: int) -> Path:
    write_pictures(root / chunk / "frames" / name, n, first=0, digits=1)
    return write_lines(root / chunk / "anno" / f"{name}.txt", box_lines(1 if chunk == "TEST" else n))
