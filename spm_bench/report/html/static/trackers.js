// Which trackers are shown: one choice for all plots, strips and sequence pages.
const MANY = 12, FIRST = 8;
const names = OVERVIEW.trackers;
// with a crowd, the best few at first: more lines than that tell nobody anything
const shown = new Set(names.map((_, i) => i).filter(i => names.length <= MANY || i < FIRST));
const watchers = [];
const onChoice = watcher => watchers.push(watcher);

function choose(indices, visible) {
  for (const index of indices) visible ? shown.add(index) : shown.delete(index);
  applyChoice();
}

function applyChoice() {
  for (const node of all(".plot [data-t], .pictures [data-t]")) node.classList.toggle("off", !shown.has(+node.dataset.t));
  for (const button of all("button.toggle")) button.setAttribute("aria-pressed", shown.has(+button.dataset.t));
  for (const watcher of watchers) watcher();
}

function toggleOf(index) {
  const button = make("button", { type: "button", class: "toggle", "data-t": index, "aria-pressed": shown.has(index) },
    keyOf(index), make("span", {}, names[index]));
  button.addEventListener("click", () => choose([index], !shown.has(index)));
  return button;
}

// Pointing at a name in the legend lets the other trackers of the plots fade.
function emphasise(index) {
  for (const node of all(".plot [data-t]")) node.classList.toggle("faint", index !== null && +node.dataset.t !== index);
}

function startTrackers() {
  for (const item of all("#legend li")) {
    const index = +item.dataset.t, button = toggleOf(index);
    item.replaceChildren(button);
    button.addEventListener("pointerenter", event => event.pointerType === "mouse" && shown.has(index) && emphasise(index));
    button.addEventListener("pointerleave", () => emphasise(null));
    button.addEventListener("click", () => emphasise(null));
  }
  if (byId("all")) {
    byId("all").addEventListener("click", () => choose(names.keys(), true));
    byId("none").addEventListener("click", () => choose(names.keys(), false));
  }
  applyChoice();
}
