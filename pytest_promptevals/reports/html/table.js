// The table of cases: filtered, sorted, and drawn only where it is in sight.
const ROW_HEIGHT = 34;
const table = { shown: [], at: -1, sort: "usual", isDown: true, columns: [], onOpen: null };

const COLUMNS = [
  { key: "status", title: "result", width: "6.2rem", value: (row) => ["error", "failed", "passed"].indexOf(row[STATUS]), cell: statusCell },
  { key: "name", title: "case", width: "minmax(9rem, 3fr)", value: (row) => row[NAME], cell: (row) => row[NAME], isText: true },
  { key: "score", title: "score", width: "4.2rem", value: (row) => row[SCORE], cell: (row) => number(row[SCORE]) },
  { key: "before", title: "before", width: "4.6rem", value: (row) => row[BEFORE], cell: (row) => number(row[BEFORE]), when: () => isCompared() },
  { key: "change", title: "change", width: "6.6rem", value: changeOf, cell: changeCell, when: () => isCompared() },
  { key: "file", title: "file", width: "minmax(6rem, 2fr)", value: (row) => DATA.files[row[FILE]], cell: (row) => DATA.short_files[row[FILE]], whole: (row) => DATA.files[row[FILE]], isText: true, when: () => DATA.files.length > 1 },
  { key: "model", title: "model", width: "minmax(6rem, 1.5fr)", value: (row) => DATA.models[row[MODEL]], cell: (row) => DATA.models[row[MODEL]], isText: true, when: () => DATA.models.length > 1 },
  { key: "tags", title: "tags", width: "minmax(5rem, 1.2fr)", value: tagsOf, cell: tagsOf, isText: true, when: () => DATA.tags.length > 0 },
  { key: "cost", title: "cost", width: "5.2rem", value: (row) => row[COST], cell: (row) => dollars(row[COST]), when: () => DATA.cases.some((row) => row[COST]) },
  { key: "latency", title: "latency", width: "4.8rem", value: (row) => row[LATENCY], cell: (row) => seconds(row[LATENCY]), when: () => DATA.cases.some((row) => row[LATENCY]) },
];

function isCompared() {
  return DATA.cases.some((row) => row[BEFORE] !== null);
}

// Only scores of cases that are as they were can be compared.
function changeOf(row) {
  const isPaired = ["worse", "better", "same"].includes(row[CHANGE]);
  return isPaired && row[SCORE] !== null && row[BEFORE] !== null ? row[SCORE] - row[BEFORE] : null;
}

function changeCell(row) {
  const signs = { worse: "▼", better: "▲" };
  const change = changeOf(row);
  const text = change === null ? row[CHANGE] : signed(change);
  return element("span", { class: row[CHANGE] || "none" }, [signs[row[CHANGE]], text].filter(Boolean).join(" "));
}

function statusCell(row) {
  return element("span", { class: "badge " + row[STATUS] }, SIGNS[row[STATUS]] + " " + row[STATUS]);
}

function tagsOf(row) {
  return row[TAGS].map((tag) => DATA.tags[tag]).join(", ");
}

function filterOf() {
  const chosen = (id) => document.getElementById(id).value;
  return {
    words: chosen("search").toLowerCase().split(/\s+/).filter(Boolean),
    status: chosen("by-status"), change: chosen("by-change"), file: chosen("by-file"), tag: chosen("by-tag"),
    judge: chosen("by-judge"), model: chosen("by-model"), prompt: chosen("by-prompt"),
  };
}

function isWanted(filter, row, text) {
  if (filter.status && row[STATUS] !== filter.status) return false;
  if (filter.change === "flipped" ? !row[FLIPPED] : filter.change && row[CHANGE] !== filter.change) return false;
  if (filter.file && row[FILE] !== Number(filter.file)) return false;
  if (filter.model && row[MODEL] !== Number(filter.model)) return false;
  if (filter.prompt && row[PROMPT] !== Number(filter.prompt)) return false;
  if (filter.tag && !row[TAGS].includes(Number(filter.tag))) return false;
  if (filter.judge && !row[SCORES].some((score) => score[0] === Number(filter.judge) && !score[2])) return false;
  return filter.words.every((word) => text.includes(word));
}

function applyFilter() {
  const filter = filterOf();
  const chosen = table.shown[table.at];
  table.shown = [];
  DATA.cases.forEach((row, place) => {
    if (isWanted(filter, row, searched[place] || "")) table.shown.push(place);
  });
  sortShown();
  table.at = table.shown.indexOf(chosen);
  document.querySelector("#table .body").scrollTop = 0;
  tellCount(filter);
  drawRows(true);
}

function changeView() {
  applyFilter();
  rememberView();
}

function tellCount(filter) {
  const count = document.getElementById("count");
  const all = counted(DATA.cases.length, "case");
  const some = table.shown.length === DATA.cases.length ? all : table.shown.length.toLocaleString("en") + " of " + all;
  const is = isSearchReady || !filter.words.length ? "" : "; the texts are still being read";
  count.textContent = some + is;
}

// As a reader has to see them: errors and failures first, the largest drop first among them.
function usualOrder(row) {
  return (row[STATUS] === "passed" ? 10 : 0) + (changeOf(row) || 0) + (row[SCORE] || 0) / 1000;
}

function sortShown() {
  const column = COLUMNS.find((known) => known.key === table.sort);
  const value = column ? column.value : usualOrder;
  const keys = new Map(table.shown.map((place) => [place, value(DATA.cases[place])]));
  const way = table.isDown ? 1 : -1;
  table.shown.sort((left, right) => {
    const one = keys.get(left), other = keys.get(right);
    if (one === null || other === null) return (one === null) - (other === null) || left - right;
    return (one < other ? -1 : one > other ? 1 : 0) * way || left - right;
  });
}

function drawHead() {
  table.columns = COLUMNS.filter((column) => !column.when || column.when());
  const grid = document.getElementById("table");
  grid.style.setProperty("--columns", table.columns.map((column) => column.width).join(" "));
  const head = grid.querySelector(".head");
  head.replaceChildren(...table.columns.map(headCell));
}

function headCell(column) {
  const isSorted = table.sort === column.key;
  const sort = isSorted ? (table.isDown ? "ascending" : "descending") : "none";
  const button = element("button", { type: "button" }, column.title + (isSorted ? (table.isDown ? " ↑" : " ↓") : ""));
  button.addEventListener("click", () => {
    table.isDown = table.sort === column.key ? !table.isDown : true;
    table.sort = column.key;
    drawHead();
    changeView();
    document.querySelector(`#table .head .${column.key} button`).focus();
  });
  return element("div", { class: "cell " + column.key, role: "columnheader", "aria-sort": sort }, button);
}

function drawRows() {
  const grid = document.getElementById("table"), body = grid.querySelector(".body");
  if (!body.firstChild) body.append(element("div", { class: "room" }));
  const room = body.firstChild;
  room.style.height = table.shown.length * ROW_HEIGHT + "px";
  const first = Math.max(0, Math.floor(body.scrollTop / ROW_HEIGHT) - 6);
  const last = Math.min(table.shown.length, first + Math.ceil(body.clientHeight / ROW_HEIGHT) + 12);
  const rows = [];
  for (let at = first; at < last; at += 1) rows.push(drawRow(at));
  room.replaceChildren(...rows);
  // Where a scroll bar takes room, the heads make as much.
  grid.style.setProperty("--bar", body.offsetWidth - body.clientWidth + "px");
  grid.setAttribute("aria-rowcount", table.shown.length + 1);
  if (table.at >= first && table.at < last) grid.setAttribute("aria-activedescendant", "row-" + table.shown[table.at]);
  else grid.removeAttribute("aria-activedescendant");
}

function drawRow(at) {
  const place = table.shown[at], row = DATA.cases[place];
  const made = element("div", {
    class: "row" + (at === table.at ? " chosen" : ""), role: "row", id: "row-" + place,
    "aria-rowindex": at + 2, "aria-selected": at === table.at,
  }, ...table.columns.map((column) => drawCell(column, row)));
  made.style.transform = `translateY(${at * ROW_HEIGHT}px)`;
  made.addEventListener("click", () => {
    choose(at);
    table.onOpen(place);
  });
  return made;
}

function drawCell(column, row) {
  const content = column.cell(row);
  const text = typeof content === "string" ? content.slice(0, 300) : content;
  const cell = element("div", { class: "cell " + column.key, role: "gridcell" }, text);
  if (column.isText) cell.title = plain((column.whole ? column.whole(row) : content).slice(0, 2000));
  return cell;
}

function choose(at) {
  if (!table.shown.length) return;
  table.at = Math.min(Math.max(at, 0), table.shown.length - 1);
  const body = document.querySelector("#table .body"), top = table.at * ROW_HEIGHT;
  if (top < body.scrollTop) body.scrollTop = top;
  else if (top + ROW_HEIGHT > body.scrollTop + body.clientHeight) body.scrollTop = top + ROW_HEIGHT - body.clientHeight;
  drawRows();
}

function moveByKey(event) {
  if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(document.querySelector("#table .body").clientHeight / ROW_HEIGHT) - 1);
  const moves = {
    ArrowDown: () => choose(table.at + 1), ArrowUp: () => choose(table.at - 1),
    PageDown: () => choose(table.at + page), PageUp: () => choose(table.at - page),
    Home: () => choose(0), End: () => choose(table.shown.length - 1),
    Enter: () => table.at >= 0 && table.onOpen(table.shown[table.at]),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
}
