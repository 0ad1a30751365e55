// Tables sort by a click on a head (a third click gives the first order back) and filter by what is typed.
function valueOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.v !== undefined) return +cell.dataset.v;
  const text = cell.textContent.trim();
  return cell.tagName === "TH" || cell.classList.contains("text") ? text : null;
}

function compare(a, b) {
  return typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
}

function sortRows(table, column, direction) {
  const body = table.tBodies[0], rows = Array.from(body.rows);
  rows.forEach(row => { row.place = row.place ?? [...body.rows].indexOf(row); });
  rows.sort((a, b) => {
    if (!direction) return a.place - b.place;
    const first = valueOf(a, column), second = valueOf(b, column);
    // what is undefined stays at the end, whichever way
    if (first === null || second === null) return (first === null) - (second === null) || a.place - b.place;
    return direction * compare(first, second) || a.place - b.place;
  });
  body.append(...rows);
}

function startSorting(table) {
  const heads = Array.from(table.tHead.rows[0].cells);
  Array.from(table.tBodies[0].rows).forEach((row, place) => { row.place = place; });
  heads.forEach((head, column) => {
    if (head.dataset.plain !== undefined) return;
    const button = make("button", { type: "button", class: "sort" });
    const label = head.textContent.trim();
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      // numbers begin with the best, or the largest; names with the first
      const begin = column === 0 || head.dataset.up === "0" ? 1 : -1;
      const now = { ascending: 1, descending: -1 }[head.getAttribute("aria-sort")] || 0;
      const next = now === 0 ? begin : now === begin ? -begin : 0;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next > 0 ? "ascending" : "descending");
      sortRows(table, column, next);
      say(next ? "Sorted by " + label + ", " + (next > 0 ? "ascending" : "descending") : "In the first order");
    });
  });
}

function resort(table) {
  const heads = Array.from(table.tHead.rows[0].cells);
  const column = heads.findIndex(head => head.hasAttribute("aria-sort"));
  if (column >= 0) sortRows(table, column, heads[column].getAttribute("aria-sort") === "ascending" ? 1 : -1);
}

// Every word must be somewhere in the row: in its name, its attributes or its trackers.
function startFilter(input, table, count) {
  if (!input) return;
  const rows = Array.from(table.tBodies[0].rows);
  const texts = rows.map(row => [...row.cells].filter(c => c.tagName === "TH" || c.classList.contains("text"))
    .map(c => c.textContent).join(" ").toLowerCase());
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every(word => texts[i].includes(word));
      n += !row.hidden;
    });
    count.textContent = words.length ? n + " of " + rows.length : "";
  });
}

// The table of sequences shows one metric at a time.
function startMetric(select, table) {
  if (!select) return;
  select.addEventListener("change", () => {
    const metric = OVERVIEW.metrics[+select.value];
    byId("metric-words").textContent = metric.words;
    for (const head of all("thead [data-t]", table)) head.dataset.up = metric.up ? "1" : "0";
    for (const row of table.tBodies[0].rows) {
      const sequence = +row.id.slice(2);
      for (const cell of all("td[data-t]", row)) showValue(cell, metric, metric.values[+cell.dataset.t][sequence]);
    }
    resort(table);
  });
}

function showValue(cell, metric, value) {
  cell.textContent = formatted(value, metric.decimals);
  if (value === null) delete cell.dataset.v; else cell.dataset.v = value;
  const share = metric.up && metric.key !== "fps" && value !== null && value >= 0 && value <= 1;
  cell.className = share ? "h" + Math.min(Math.floor(value * 10), 9) : "";
}

function startTables() {
  all("table.sortable").forEach(startSorting);
  startFilter(byId("find"), byId("sequence-table"), byId("found"));
  startFilter(byId("find-loss"), byId("loss-table"), byId("found-loss"));
  startMetric(byId("metric"), byId("sequence-table"));
}
