// A sequence's page: scrubber, boxes, numbers at the frame, overlap over time, and where its target was lost.
const player = { index: null, data: null, frame: 0, frames: 0, playing: null };
const RATE = 25; // frames a second when playing

function toFrame(frame) {
  player.frame = Math.max(0, Math.min(player.frames - 1, frame));
  const scrub = byId("scrub");
  scrub.value = player.frame + 1;
  const told = "frame " + (player.frame + 1) + " of " + player.frames;
  scrub.setAttribute("aria-valuetext", told);
  byId("frame").textContent = (player.frame + 1) + " / " + player.frames;
  byId("scene").setAttribute("aria-label", "Boxes in " + told);
  drawScene();
  moveTimeline();
  tellOverlaps();
  remember();
}

// The frame goes into the address, a little later, so that a link leads to it.
let waiting = null;
function remember() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (player.index === null || byId("sequence-page").hidden) return;
    try { history.replaceState(history.state, "", "#s-" + player.index + "@" + (player.frame + 1)); }
    catch (error) { /* the browser does not let a file change its address: the page works without */ }
  }, 200);
}

function play(on) {
  const button = byId("play");
  button.setAttribute("aria-pressed", on);
  button.setAttribute("aria-label", on ? "Pause" : "Play");
  button.textContent = on ? "❚❚" : "▶";
  cancelAnimationFrame(player.playing);
  player.playing = null;
  if (!on) return;
  if (player.frame >= player.frames - 1) toFrame(0);
  const begin = performance.now(), first = player.frame;
  const step = now => {
    const frame = first + Math.floor((now - begin) * RATE / 1000);
    if (frame > player.frame) toFrame(frame);
    if (player.frame >= player.frames - 1) return play(false);
    player.playing = requestAnimationFrame(step);
  };
  player.playing = requestAnimationFrame(step);
}

function tellOverlaps() {
  for (const row of byId("readout").tBodies[0].rows) {
    const t = player.data.trackers[+row.dataset.t];
    if (!t) continue;
    const code = t.overlaps[player.frame], overlap = overlapOf(code);
    row.querySelector(".meter rect").setAttribute("width", overlap === null ? 0 : overlap * 100);
    row.querySelector(".overlap").textContent =
      code === FAILED ? "failed" : code === INITIALISED ? "start" : overlap === null ? "\u2013" : overlap.toFixed(2);
  }
}

function fillReadout() {
  const metrics = OVERVIEW.metrics.filter(m => m.key !== "fps");
  const heads = ["Tracker", "Overlap now", ...metrics.map(m => m.title)];
  byId("readout").tHead.replaceChildren(make("tr", {}, ...heads.map((text, i) =>
    make("th", { scope: "col", class: i ? null : "first" }, text))));
  byId("readout").tBodies[0].replaceChildren(...names.map((name, i) => {
    const t = player.data.trackers[i];
    const now = t
      ? [make("svg:svg", { class: "meter " + lookOf(i), viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
          make("svg:rect", { width: 0, height: 10 })), make("span", { class: "overlap" })]
      : ["no result"];
    return make("tr", { "data-t": i }, make("th", { scope: "row", class: "w" + Math.max(8, Math.min(24, name.length + 6)) }, toggleOf(i)), make("td", {}, ...now),
      ...metrics.map(m => make("td", {}, formatted(m.values[i][player.index], m.decimals))));
  }));
}

function fillMoments() {
  const own = OVERVIEW.moments.filter(m => m[0] === player.index);
  byId("sequence-moments").replaceChildren(...(own.length ? [
    make("h2", {}, "Where the target was lost"),
    make("ul", { class: "moments" }, ...own.map(([, frame, lost]) => {
      const who = lost.slice(0, 4).map(i => names[i]).join(", ") + (lost.length > 4 ? " and " + (lost.length - 4) + " more" : "");
      return make("li", {}, make("button", { type: "button", onclick: () => { play(false); toFrame(frame); } }, "frame " + (frame + 1) + ": " + who));
    }))] : []));
  const strips = all('#losses .strip[data-s="' + player.index + '"]').map(strip => {
    const copy = strip.cloneNode(true);
    copy.open = true;
    return copy;
  });
  byId("sequence-strips").replaceChildren(...strips);
}

function fillFacts() {
  const { data, index } = player, about = OVERVIEW.sequences[index];
  const size = data.size.join(" × ") + (data.sizeKnown ? "" : " (size of the pictures not known)");
  const facts = [plural(about.frames, "frame"), size, ...about.attributes];
  byId("sequence-name").textContent = about.name;
  byId("sequence-facts").textContent = facts.join(" · ");
  const several = Math.max(0, ...data.trackers.map(t => (t ? t.repetitions : 0)));
  const labels = Object.keys(data.labels);
  byId("timeline-notes").replaceChildren(...[
    several > 1 ? make("p", {}, "Shown is the first of " + several + " repetitions; the scores are of all.") : null,
    labels.length ? make("p", {}, "Ribbons, from above: " + labels.join(", ") + ".") : null,
    make("p", {}, "Crosses: the target is lost. A click or a drag goes to that frame."),
  ].filter(Boolean));
  const count = OVERVIEW.sequences.length;
  for (const [id, to] of [["previous", index - 1], ["next", index + 1]]) {
    const link = byId(id), there = to >= 0 && to < count;
    link.hidden = !there;
    if (there) {
      link.setAttribute("href", "#s-" + to);
      link.setAttribute("aria-label", (to < index ? "Previous" : "Next") + ": " + OVERVIEW.sequences[to].name);
    }
  }
}

function openSequence(index, frame) {
  play(false);
  if (player.index !== index) {
    player.index = index;
    player.data = sequenceOf(index);
    player.frames = OVERVIEW.sequences[index].frames;
    byId("scrub").max = player.frames;
    [timeline.data, timeline.frames] = [player.data, player.frames];
    fillFacts();
    fillReadout();
    fillMoments();
    applyChoice();
    player.frame = 0;
    drawTimeline();
  }
  toFrame(frame);
}

const KEYS = {
  ArrowLeft: fast => player.frame - (fast ? 10 : 1),
  ArrowRight: fast => player.frame + (fast ? 10 : 1),
  Home: () => 0,
  End: () => player.frames - 1,
};

function startSequence() {
  byId("scrub").addEventListener("input", event => { play(false); toFrame(+event.target.value - 1); });
  byId("back-one").addEventListener("click", () => { play(false); toFrame(player.frame - 1); });
  byId("on-one").addEventListener("click", () => { play(false); toFrame(player.frame + 1); });
  byId("play").addEventListener("click", () => play(!player.playing));
  byId("follow").addEventListener("change", drawScene);
  // Keys answer as soon as a sequence is open, unless something else that wants them has the focus.
  document.addEventListener("keydown", event => {
    const own = [byId("scene"), byId("scrub"), byId("sequence-name"), document.body].includes(event.target);
    if (byId("sequence-page").hidden || !own || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " ") play(!player.playing);
    else if (KEYS[event.key]) { play(false); toFrame(KEYS[event.key](event.shiftKey)); }
    else return;
    event.preventDefault();
  });
  onChoice(() => { if (player.data) drawScene(); });
  new ResizeObserver(() => { if (player.data && !byId("sequence-page").hidden) drawScene(); }).observe(byId("scene").parentNode);
}
