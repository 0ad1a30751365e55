// Plots answer to the pointer and to arrow keys: curves tell all values at a place, marks what they stand for.
function inPlot(svg, event) {
  const matrix = svg.getScreenCTM();
  return matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : { x: 0, y: 0 };
}

function onScreen(svg, x, y) {
  const point = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
  return [point.x, point.y];
}

function nearest(values, wanted) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i] - wanted) < Math.abs(values[best] - wanted)) best = i;
  return best;
}

function valueTable(head, rows) {
  const lines = rows.slice(0, 16).map(([index, text]) =>
    make("tr", {}, make("td", {}, keyOf(index), names[index]), make("td", {}, text)));
  if (rows.length > 16) lines.push(make("tr", {}, make("td", {}, "and " + (rows.length - 16) + " more"), make("td", {})));
  return [make("b", {}, head), make("table", {}, make("tbody", {}, ...lines))];
}

function startCurve(svg) {
  const curve = OVERVIEW.curves[svg.dataset.curve], d = svg.dataset;
  const [left, right, low, high] = [+d.left, +d.right, +d.low, +d.high];
  const guide = make("svg:line", { class: "guide", y1: d.top, y2: d.bottom, visibility: "hidden" });
  const label = svg.querySelector(".axis-label").textContent;
  svg.append(guide);
  let at = Math.floor(curve.x.length / 2);

  function show(index, screenX, screenY, aloud) {
    at = index;
    const x = left + (curve.x[at] - low) / (high - low) * (right - left);
    for (const name of ["x1", "x2"]) guide.setAttribute(name, x);
    guide.setAttribute("visibility", "visible");
    const rows = curve.y.map((y, i) => [i, y && y[at]]).filter(([i, v]) => shown.has(i) && v !== null)
      .sort((a, b) => b[1] - a[1]).map(([i, v]) => [i, v.toFixed(3)]);
    const head = label + " " + +curve.x[at].toPrecision(3);
    const [sx, sy] = screenX === undefined ? onScreen(svg, x, (+d.top + +d.bottom) / 2) : [screenX, screenY];
    showTip(sx, sy, ...valueTable(head, rows));
    if (aloud) say(head + ": " + rows.slice(0, 5).map(([i, v]) => names[i] + " " + v).join(", "));
  }
  function hide() { guide.setAttribute("visibility", "hidden"); hideTip(); }

  const follow = event => {
    const place = (inPlot(svg, event).x - left) / (right - left);
    if (place < -0.02 || place > 1.02) return hide();
    show(nearest(curve.x, low + place * (high - low)), event.clientX, event.clientY, false);
  };
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerdown", follow);
  svg.addEventListener("pointerleave", hide);
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", event => {
    const step = Math.max(1, Math.round(curve.x.length / 50));
    const last = curve.x.length - 1;
    const to = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: last }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(Math.max(0, Math.min(last, to)), undefined, undefined, true);
  });
}

// Marks: the pointer or the arrow keys go from one to the next, Enter follows the one that is on.
function startMarks(svg) {
  const spots = all(".spot", svg);
  let on = null;
  for (const spot of spots) {
    const title = spot.querySelector("title"), circle = spot.querySelector("circle");
    spot.words = title.textContent;
    title.remove();
    spot.setAttribute("aria-label", spot.words);
    spot.setAttribute("tabindex", "-1");
    [spot.x, spot.y] = [+circle.getAttribute("cx"), +circle.getAttribute("cy")];
  }
  svg.setAttribute("tabindex", "0");

  function light(spot, aloud, screenX, screenY) {
    if (on) for (const other of sameAs(on)) other.classList.remove("on");
    on = spot;
    if (!spot) return hideTip();
    for (const other of sameAs(spot)) other.classList.add("on");
    const [x, y] = screenX === undefined ? onScreen(svg, spot.x, spot.y) : [screenX, screenY];
    showTip(x, y, spot.words);
    if (aloud) say(spot.words);
  }
  const sameAs = spot => spot.dataset.s === undefined ? [spot] : all('.spot[data-s="' + spot.dataset.s + '"]');

  svg.addEventListener("pointermove", event => {
    const spot = event.target.closest(".spot") || closest(event);
    if (spot !== on) light(spot, false, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => light(null));
  svg.addEventListener("blur", () => light(null));
  // a mark is small: the nearest one within reach answers
  function closest(event) {
    const at = inPlot(svg, event);
    let best = null, reach = 7 * 7;
    for (const spot of spots) {
      if (spot.classList.contains("off")) continue;
      const distance = (spot.x - at.x) ** 2 + (spot.y - at.y) ** 2;
      if (distance < reach) [best, reach] = [spot, distance];
    }
    return best;
  }
  svg.addEventListener("click", event => {
    if (event.target.closest("a")) return;
    const spot = closest(event);
    if (spot && spot.dataset.s !== undefined) go(spot);
  });
  function go(spot) { leaveFor(svg); location.hash = "s-" + spot.dataset.s; }

  svg.addEventListener("keydown", event => {
    const visible = spots.filter(spot => !spot.classList.contains("off"));
    if (event.key === "Enter" && on && on.dataset.s !== undefined) { event.preventDefault(); return go(on); }
    if (event.key === "Escape") return light(null);
    if (!event.key.startsWith("Arrow") || !visible.length) return;
    event.preventDefault();
    light(on ? neighbour(visible, on, event.key) : visible[0], true);
  });
  function neighbour(visible, spot, key) {
    const flat = new Set(visible.map(s => s.dataset.row)).size === 1;
    if (key === "ArrowLeft" || key === "ArrowRight" || flat) {
      const row = visible.filter(s => s.dataset.row === spot.dataset.row).sort((a, b) => a.x - b.x || a.y - b.y);
      const step = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
      return row[Math.max(0, Math.min(row.length - 1, row.indexOf(spot) + step))];
    }
    const rows = [...new Set(visible.map(s => +s.dataset.row))].sort((a, b) => a - b);
    const to = rows[rows.indexOf(+spot.dataset.row) + (key === "ArrowDown" ? 1 : -1)];
    if (to === undefined) return spot;
    const row = visible.filter(s => +s.dataset.row === to);
    return row.find(s => s.dataset.s !== undefined && s.dataset.s === spot.dataset.s)
      || row.sort((a, b) => Math.abs(a.x - spot.x) - Math.abs(b.x - spot.x))[0];
  }
}

function startPlots() {
  for (const svg of all("svg.plot")) svg.dataset.curve ? startCurve(svg) : startMarks(svg);
}
