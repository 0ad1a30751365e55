"""Programs that speak TraX (argument 1): by the package's own server, and, with one fault each, line by line."""

import os
import signal
import sys
import time
from pathlib import Path

MODE = sys.argv[1]
WAIT = float(os.environ.get("WAIT", "1000"))
HELLO = '@@TRAX:hello "trax.version=4" "trax.image=%s;" "trax.region=rectangle;" "trax.channels=%s;"'


def say(text):
    os.write(1, (text + "\n").encode("latin-1"))


ANSWERS = {
    "nan": '@@TRAX:state "nan,1,2,3"',
    "words": '@@TRAX:state "here"',
    "nothing": "@@TRAX:state",
    "unknown": '@@TRAX:bogus "1,2,3,4"',
    "unclosed": '@@TRAX:state "1,2,3,4',
    "long_mask": '@@TRAX:state "m0,0,2,2,1,99999999"',
    "special": '@@TRAX:state "2"',
    "two": '@@TRAX:state "1,2,3,4" "5,6,7,8"',
    "behind": 'frame 1: @@TRAX:state "1,2,3,4"',
}
STATE = '@@TRAX:state "1,2,3,4"'


def line_by_line():
    """Answer with one fault; returns the exit code."""
    if MODE == "no_trax":
        say("usage: program FILE")
        return 3
    if MODE == "silent":
        say("loading")
        time.sleep(WAIT)
    say(HELLO % ("url" if MODE == "url" else "path", "depth" if MODE == "depth" else "color"))
    frames = 0
    for line in sys.stdin:
        if "quit" in line:
            break
        frames += "@@TRAX:frame" in line
        if "@@TRAX:frame" not in line:
            continue
        if MODE == "told":
            print(line, os.environ.get("MY_FLAG"), file=sys.stderr)
            return 5
        if frames < 2:
            say(STATE)
        elif MODE == "crash":
            sys.stderr.write("Traceback: in the program\nValueError: no pixels\n")
            return 7
        elif MODE == "killed":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif MODE == "hang":
            print("thinking", file=sys.stderr, flush=True)
            time.sleep(WAIT)
        elif MODE == "quits":
            say('@@TRAX:quit "trax.reason=no more tracks"')
            return 0
        elif MODE == "twice":
            say(STATE)
            say(STATE)
        else:
            say(ANSWERS.get(MODE, STATE))
    if MODE == "stays":
        time.sleep(WAIT)
    return 0


LINE_BY_LINE = {
    *ANSWERS,
    "no_trax",
    "silent",
    "url",
    "depth",
    "crash",
    "killed",
    "hang",
    "quits",
    "twice",
    "stays",
    "told",
}
if MODE in LINE_BY_LINE:
    sys.exit(line_by_line())

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import trax  # noqa: E402


class Follower:
    """Looks for the first picture of the target near its last place, as the sound patient of the checkup."""

    def start(self, path, box):
        frame = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        self.box = np.array(box)
        x, y, w, h = self.inside(frame)
        self.template = frame[y : y + h, x : x + w].copy()

    def next(self, path):
        frame = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        x, y, w, h = self.inside(frame)
        left, top = max(x - 10, 0), max(y - 10, 0)
        region = frame[top : y + h + 10, left : x + w + 10]
        if region.shape[0] >= self.template.shape[0] and region.shape[1] >= self.template.shape[1]:
            found = cv2.matchTemplate(region, self.template, cv2.TM_SQDIFF)
            row, column = np.unravel_index(found.argmin(), found.shape)
            self.box[:2] += (left + column - x, top + row - y)
        return self.box

    def inside(self, frame):
        height, width = frame.shape[:2]
        x, y, w, h = np.round(self.box).astype(int)
        x, y = min(max(x, 0), width - 2), min(max(y, 0), height - 2)
        return x, y, max(min(w, width - x), 2), max(min(h, height - y), 2)


def region_of(box):
    x, y, w, h = map(float, box)
    if MODE == "polygons":
        return trax.Polygon.create([(x, y + h / 2), (x + w / 2, y), (x + w, y + h / 2), (x + w / 2, y + h)])
    if MODE in ("masks", "empty_mask"):
        mask = np.zeros((int(y + h), int(x + w)), np.uint8)
        mask[int(y) :, int(x) :] = MODE == "masks"
        return trax.Mask.create(mask)
    if MODE == "centre":
        return trax.Rectangle.create(x + w / 2, y + h / 2, w, h)
    return trax.Rectangle.create(x, y, w, h)


def main():
    if MODE == "garbage":
        say("\xff\xfe\x00\x80" * 50)
        say('{"not": "trax"}')
    regions = [trax.Region.MASK] if MODE == "masks" else [trax.Region.RECTANGLE]
    if MODE == "polygons":
        regions = [trax.Region.POLYGON]
    images = {"memory": [trax.Image.MEMORY], "buffer": [trax.Image.BUFFER]}
    about = {"vot": "python"} if MODE == "once" else None
    server = trax.Server(regions, images.get(MODE, [trax.Image.PATH]), tracker_name="t", metadata=about)
    follower, starts = Follower(), 0
    while (request := server.wait()).type != trax.TraxStatus.QUIT:
        image = request.image["color"]
        if MODE in ("memory", "buffer"):
            pixels = (
                cv2.cvtColor(image.array(), cv2.COLOR_RGB2BGR)
                if MODE == "memory"
                else cv2.imdecode(np.frombuffer(bytes(image.buffer()), np.uint8), cv2.IMREAD_COLOR)
            )
            path = "seen.png"
            cv2.imwrite(path, pixels)
        else:
            path = image.path()
        if request.type == trax.TraxStatus.INITIALIZE:
            starts += 1
            if starts > 1 and MODE == "once":
                return 4
            region = request.objects[0][0]
            if region.type == trax.Region.MASK:
                rows, columns = np.nonzero(region.array())
                left, top = region.offset()
                box = [left + columns.min(), top + rows.min(), np.ptp(columns) + 1.0, np.ptp(rows) + 1.0]
            elif region.type == trax.Region.POLYGON:
                points = np.array([region.get(i) for i in range(region.size())])
                box = [*points.min(axis=0), *np.ptp(points, axis=0)]
            else:
                box = list(region.bounds())
            if not (MODE == "remembers" and starts > 1):
                follower.start(path, box)
            server.status([(trax.Rectangle.create(*map(float, box)), {})])
            continue
        box = follower.next(path)
        if MODE == "truth":
            beside = Path(path).with_name("groundtruth.txt")
            if beside.exists():
                box = [float(v) for v in beside.read_text().splitlines()[1].split(",")]
        if MODE == "leaks":
            LEFT.append(np.ones(200_000, np.uint8))
        server.status([(region_of(box), {})])
    return 0


LEFT = []
if __name__ == "__main__":
    sys.exit(main())
