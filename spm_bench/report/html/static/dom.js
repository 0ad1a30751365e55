// Small helpers. Text only ever goes in as text.
const SVG = "http://www.w3.org/2000/svg";
const byId = id => document.getElementById(id);
const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));

function make(tag, attributes, ...children) {
  const svg = tag.startsWith("svg:");
  const node = svg ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

const lookOf = index => "c" + index % 8 + " d" + index % 5;

function keyOf(index) {
  return make("svg:svg", { class: "key " + lookOf(index), viewBox: "0 0 26 10", "aria-hidden": "true" },
    make("svg:line", { x1: 0, y1: 5, x2: 26, y2: 5 }));
}

function say(text) { byId("says").textContent = text; }

function formatted(value, decimals) {
  if (value === null || value === undefined) return "\u2013";
  if (decimals === 0 && value !== Math.round(value)) return value.toFixed(1);
  return value.toFixed(decimals);
}

function plural(n, word) { return n + " " + word + (n === 1 ? "" : "s"); }

// One tip for the whole page, beside the pointer or the focused mark, and always inside the window.
const tip = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });
document.body.append(tip);
function showTip(x, y, ...content) {
  tip.replaceChildren(...content);
  tip.hidden = false;
  tip.shownAt = scrollY;
  const box = tip.getBoundingClientRect(), gap = 14;
  const left = x + gap + box.width > innerWidth - 6 ? x - gap - box.width : x + gap;
  const top = y + gap + box.height > innerHeight - 6 ? y - gap - box.height : y + gap;
  tip.style.left = Math.max(6, Math.min(left, innerWidth - box.width - 6)) + "px";
  tip.style.top = Math.max(6, top) + "px";
}
function hideTip() { tip.hidden = true; }
// the news of a scroll that brought a plot into sight comes after its tip: only a scroll since then hides it
addEventListener("scroll", () => { if (scrollY !== tip.shownAt) hideTip(); }, { passive: true });
