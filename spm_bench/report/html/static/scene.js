// The boxes of one frame on a canvas of the frame's size, over a small picture where the file holds any.
const DASHES = [[], [7, 3], [2, 3], [7, 3, 2, 3], [10, 3, 2, 3, 2, 3]];
const FOLLOW = 5; // times the target's size that are seen around it

// The stretch of the frame that is seen: all of it, or the target's surroundings.
function viewOf(data, frame) {
  const whole = [0, 0, data.size[0], data.size[1]];
  if (!byId("follow").checked) return whole;
  let corners = null;
  for (let f = frame; f >= 0 && !corners; f--) corners = cornersOf(data.truth, f, data.sides, data.scale);
  if (!corners) return whole;
  const xs = corners.map(c => c[0]), ys = corners.map(c => c[1]);
  const cx = (Math.min(...xs) + Math.max(...xs)) / 2, cy = (Math.min(...ys) + Math.max(...ys)) / 2;
  const w = Math.max(...xs) - Math.min(...xs), h = Math.max(...ys) - Math.min(...ys);
  const share = Math.min(1, Math.max(FOLLOW * w / data.size[0], FOLLOW * h / data.size[1], 0.05));
  const [vw, vh] = [share * data.size[0], share * data.size[1]];
  return [cx - vw / 2, cy - vh / 2, vw, vh];
}

const pictures = new Map();
// The embedded picture nearest to a frame: [image or null, its frame].
function pictureOf(data, frame) {
  const film = data.film;
  if (!film) return [null, -1];
  const at = nearest(film.frames, frame);
  const source = film.pictures[at];
  if (!pictures.has(source)) {
    const image = new Image();
    image.onload = drawScene;
    image.src = "data:image/jpeg;base64," + source;
    pictures.set(source, image);
    if (pictures.size > 160) pictures.delete(pictures.keys().next().value);
  }
  const image = pictures.get(source);
  return [image.complete && image.naturalWidth ? image : null, film.frames[at]];
}

function outline(context, corners, colour, halo, dash, width, toX, toY) {
  if (!corners) return;
  context.beginPath();
  corners.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](toX(x), toY(y)));
  context.closePath();
  if (halo) {
    context.setLineDash([]);
    context.lineWidth = width + 1.6;
    context.strokeStyle = halo;
    context.stroke();
  }
  context.setLineDash(dash);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

function drawScene() {
  const data = player.data;
  if (!data) return;
  const canvas = byId("scene"), frame = player.frame;
  const css = canvas.clientWidth || 320, ratio = devicePixelRatio || 1;
  const [width, height] = [css, css * data.size[1] / data.size[0]];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  const [vx, vy, vw, vh] = viewOf(data, frame);
  const toX = x => (x - vx) / vw * width, toY = y => (y - vy) / vh * height;
  context.fillStyle = colour("--raised");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("--ground");
  context.fillRect(toX(0), toY(0), toX(data.size[0]) - toX(0), toY(data.size[1]) - toY(0));
  const [image, pictured] = pictureOf(data, frame);
  if (image) {
    context.globalAlpha = pictured === frame ? 1 : 0.45;
    context.drawImage(image, toX(0), toY(0), toX(data.size[0]) - toX(0), toY(data.size[1]) - toY(0));
    context.globalAlpha = 1;
  }
  const told = byId("tell-picture");
  told.hidden = Boolean(data.film) && pictured === frame;
  told.textContent = told.hidden ? "" : data.film ? "The picture is of frame " + (pictured + 1) + "."
    : "Boxes alone: spm-bench report --html --frames embeds the pictures.";
  const halo = image ? "rgba(0, 0, 0, .55)" : null; // on an empty canvas it would only hide other boxes
  for (let i = data.trackers.length - 1; i >= 0; i--) {
    const t = data.trackers[i];
    if (!t || !shown.has(i)) continue;
    const corners = cornersOf(t.regions, frame, t.sides, data.scale);
    outline(context, corners, colour("--c" + i % 8), halo, DASHES[i % 5], 2, toX, toY);
  }
  const truth = cornersOf(data.truth, frame, data.sides, data.scale);
  outline(context, truth, image ? "#ffffff" : colour("--truth"), image ? "rgba(0, 0, 0, .7)" : colour("--truth-halo"), [4, 4], 2, toX, toY);
  player.drawn = (player.drawn || 0) + 1;
}
