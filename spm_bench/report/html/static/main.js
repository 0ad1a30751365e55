// The address decides what is seen: `#s-17@120` is frame 120 of sequence 17, everything else a place in the report.
const home = { top: 0, focus: null, title: document.title };

// Where the reader was, for the way back.
function leaveFor(focus) {
  if (byId("report").hidden) return;
  home.top = scrollY;
  home.focus = focus;
}
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#s-"]');
  if (link && byId("report").contains(link)) leaveFor(link);
}, true);

const jump = top => scrollTo({ top, behavior: "instant" });

function route() {
  const match = /^#s-(\d+)(?:@(\d+))?$/.exec(location.hash);
  const index = match ? +match[1] : -1, there = index >= 0 && index < OVERVIEW.sequences.length;
  const report = byId("report"), page = byId("sequence-page");
  hideTip();
  if (there) {
    const fresh = player.index !== index || page.hidden;
    report.hidden = true;
    page.hidden = false;
    openSequence(index, match[2] ? +match[2] - 1 : 0);
    document.title = OVERVIEW.sequences[index].name + " \u2013 " + home.title;
    if (fresh) {
      jump(0);
      byId("sequence-name").focus({ preventScroll: true });
    }
    return;
  }
  if (report.hidden) {
    play(false);
    page.hidden = true;
    report.hidden = false;
    document.title = home.title;
    const aim = location.hash.length > 1 && location.hash !== byId("back").hash && byId(location.hash.slice(1));
    if (aim) return aim.scrollIntoView({ behavior: "instant" });
    jump(home.top);
    if (home.focus) home.focus.focus({ preventScroll: true });
    else if (location.hash === byId("back").hash) byId("sequences").scrollIntoView({ behavior: "instant" });
  }
}

const THEMES = { auto: ["as the system", "◐"], light: ["light", "☀"], dark: ["dark", "☾"] };
function startTheme() {
  const button = byId("theme"), root = document.documentElement;
  const show = () => {
    const theme = root.dataset.theme || "auto";
    button.firstChild.textContent = THEMES[theme][1];
    button.setAttribute("aria-label", "Colours: " + THEMES[theme][0]);
    button.title = "Colours: " + THEMES[theme][0];
  };
  button.addEventListener("click", () => {
    const order = Object.keys(THEMES), next = order[(order.indexOf(root.dataset.theme || "auto") + 1) % order.length];
    if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("spm-bench-theme", next); } catch (error) { /* it is then chosen anew next time */ }
    show();
    drawScene();
    say("Colours: " + THEMES[next][0]);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawScene);
  show();
}

addEventListener("beforeprint", () => {
  for (const details of all("details:not([open])")) { details.open = true; details.printed = true; }
});
addEventListener("afterprint", () => {
  for (const details of all("details[open]")) if (details.printed) { details.open = false; details.printed = false; }
});

startTrackers();
startTables();
startPlots();
startTimeline();
startSequence();
startTheme();
addEventListener("hashchange", route);
route();
