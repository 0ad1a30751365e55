// Overlap over time: one line a tracker, crosses where it failed, ribbons for labelled frames.
const timeline = { svg: byId("timeline"), data: null, frames: 0, to: null };
const T_LEFT = 34, T_RIGHT = 8, T_TOP = 10, T_HEIGHT = 190, T_RIBBON = 16;

function placeOf(frame, width) {
  const share = timeline.frames > 1 ? frame / (timeline.frames - 1) : 0;
  return T_LEFT + share * (width - T_LEFT - T_RIGHT);
}
const heightOf = overlap => T_TOP + (1 - overlap) * T_HEIGHT;

// An SVG path; of more frames than pixels, each pixel keeps its lowest and highest.
function linePath(codes, width) {
  const per = Math.max(1, Math.floor(codes.length / Math.max(1, width - T_LEFT - T_RIGHT)));
  const parts = [];
  let pen = "M";
  const to = (frame, overlap) => {
    parts.push(pen + placeOf(frame, width).toFixed(1) + " " + heightOf(overlap).toFixed(1));
    pen = "L";
  };
  for (let start = 0; start < codes.length; start += per) {
    let low = null, high = null;
    for (let f = start; f < Math.min(start + per, codes.length); f++) {
      // a given box is no overlap the tracker reached: the line begins anew after it
      if (codes[f] === UNKNOWN || codes[f] === INITIALISED) { pen = "M"; continue; }
      const overlap = overlapOf(codes[f]);
      if (low === null || overlap < low[1]) low = [f, overlap];
      if (high === null || overlap > high[1]) high = [f, overlap];
    }
    if (low === null) continue;
    const ends = low[0] <= high[0] ? [low, high] : [high, low];
    to(...ends[0]);
    if (per > 1) to(...ends[1]);
  }
  return parts.join("");
}

function niceStep(span, most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, span / most)));
  return [1, 2, 5, 10].map(f => f * power).find(s => span / s <= most) || power * 10;
}

function drawTimeline() {
  const { svg, data } = timeline;
  if (!data) return;
  const width = Math.max(280, Math.round(svg.parentNode.clientWidth - 2 * parseFloat(getComputedStyle(svg.parentNode).paddingLeft)));
  const labels = Object.entries(data.labels), bottom = T_TOP + T_HEIGHT;
  const height = bottom + 40 + labels.length * T_RIBBON;
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  const parts = [];
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(make("svg:line", { class: "gridline", x1: T_LEFT, x2: width - T_RIGHT, y1: heightOf(v), y2: heightOf(v) }),
      make("svg:text", { x: T_LEFT - 6, y: heightOf(v) + 4, "text-anchor": "end" }, v === 0 || v === 1 ? v : "." + String(v).slice(2)));
  }
  const n = timeline.frames, step = niceStep(n, width < 500 ? 5 : 9), ticks = [1];
  for (let f = step; f <= n; f += step) if (f - 1 > 0.35 * step) ticks.push(f);
  for (const f of ticks) {
    const anchor = f === 1 ? "start" : n - f < 0.3 * step ? "end" : "middle";
    parts.push(make("svg:text", { x: placeOf(f - 1, width), y: bottom + 16, "text-anchor": anchor }, String(f)));
  }
  parts.push(make("svg:text", { x: width - T_RIGHT, y: bottom + 32, "text-anchor": "end" }, "frame"));
  labels.forEach(([, spans], row) => {
    const y = bottom + 50 + row * T_RIBBON;
    for (const [a, b] of spans) {
      const x = placeOf(a, width);
      parts.push(make("svg:rect", { class: "label", x, y: y - 8, width: Math.max(1.5, placeOf(b, width) - x), height: 8 }));
    }
  });
  for (const [index, t] of [...data.trackers.entries()].reverse()) {
    if (!t) continue;
    const off = shown.has(index) ? "" : " off";
    parts.push(make("svg:path", { class: "curve " + lookOf(index) + off, "data-t": index, d: linePath(t.overlaps, width) }));
    for (const f of t.losses) {
      const x = placeOf(f, width), y = heightOf(0);
      parts.push(make("svg:path", { class: "loss " + lookOf(index).split(" ")[0] + off, "data-t": index,
        d: "M" + (x - 3.5) + " " + (y - 3.5) + "l7 7m0 -7l-7 7" }));
    }
  }
  timeline.now = make("svg:line", { class: "now", y1: T_TOP - 6, y2: bottom + 4 });
  parts.push(timeline.now);
  svg.replaceChildren(...parts);
  timeline.width = width;
  moveTimeline();
}

function moveTimeline() {
  if (!timeline.now) return;
  const x = placeOf(player.frame, timeline.width);
  timeline.now.setAttribute("x1", x);
  timeline.now.setAttribute("x2", x);
}

function frameUnder(event) {
  const box = timeline.svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * timeline.width;
  const share = (x - T_LEFT) / (timeline.width - T_LEFT - T_RIGHT);
  return Math.max(0, Math.min(timeline.frames - 1, Math.round(share * (timeline.frames - 1))));
}

function startTimeline() {
  const { svg } = timeline;
  let held = false;
  svg.addEventListener("pointerdown", event => {
    held = true;
    svg.setPointerCapture(event.pointerId);
    toFrame(frameUnder(event));
  });
  svg.addEventListener("pointermove", event => {
    if (!timeline.data) return;
    const frame = frameUnder(event);
    if (held) return toFrame(frame);
    const rows = timeline.data.trackers.map((t, i) => [i, t && overlapOf(t.overlaps[frame])])
      .filter(([i, v]) => shown.has(i) && v !== null).sort((a, b) => b[1] - a[1]).map(([i, v]) => [i, v.toFixed(2)]);
    showTip(event.clientX, event.clientY, ...valueTable("frame " + (frame + 1), rows));
  });
  for (const kind of ["pointerup", "pointercancel"]) svg.addEventListener(kind, () => { held = false; });
  svg.addEventListener("pointerleave", hideTip);
  new ResizeObserver(() => {
    if (timeline.data && !byId("sequence-page").hidden) drawTimeline();
  }).observe(svg.parentNode);
  onChoice(() => {
    for (const node of all("[data-t]", svg)) node.classList.toggle("off", !shown.has(+node.dataset.t));
  });
}
