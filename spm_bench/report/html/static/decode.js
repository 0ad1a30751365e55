// Reads what encode.py writes: overlaps in one byte a frame, coordinates in two.
const STEPS = 250, FAILED = 252, INITIALISED = 253, UNKNOWN = 255, NOTHING = -32768;

function bytesOf(text) {
  const found = atob(text), bytes = new Uint8Array(found.length);
  for (let i = 0; i < found.length; i++) bytes[i] = found.charCodeAt(i);
  return bytes;
}

function coordinatesOf(text) {
  const view = new DataView(bytesOf(text).buffer), values = new Int16Array(view.byteLength / 2);
  for (let i = 0; i < values.length; i++) values[i] = view.getInt16(2 * i, true);
  return values;
}

// Overlap behind a byte; null where there is none to tell.
function overlapOf(code) {
  if (code === UNKNOWN) return null;
  if (code === FAILED) return 0;
  if (code === INITIALISED) return 1;
  return code / STEPS;
}

// Corners of a frame's region as [[x, y], ...] in pixels; null where there is none.
function cornersOf(regions, frame, sides, scale) {
  const at = frame * sides;
  if (regions[at] === NOTHING) return null;
  const v = i => regions[at + i] / scale;
  if (sides === 8) return [[v(0), v(1)], [v(2), v(3)], [v(4), v(5)], [v(6), v(7)]];
  const x = v(0), y = v(1), w = v(2), h = v(3);
  return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]];
}

const readJson = id => JSON.parse(document.getElementById(id).textContent);
const OVERVIEW = readJson("overview");

// A sequence's block is read when it is first opened, and the last few are kept.
const opened = new Map();
function sequenceOf(index) {
  if (!opened.has(index)) {
    const raw = readJson("d-" + index);
    raw.truth = coordinatesOf(raw.truth);
    raw.trackers = raw.trackers.map(t => t && {
      ...t, overlaps: bytesOf(t.overlaps), regions: coordinatesOf(t.regions),
    });
    opened.set(index, raw);
    if (opened.size > 6) opened.delete(opened.keys().next().value);
  }
  return opened.get(index);
}
