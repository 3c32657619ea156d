// Puts all together, once the page is there.
const SELECTS = [
  ["by-status", [["passed", "passed"], ["failed", "failed"], ["error", "error"]]],
  ["by-change", [["flipped", "passed before, fails now"], ["worse", "worse"], ["better", "better"], ["same", "same"], ["new", "new"], ["edited", "edited"], ["error", "error"]]],
];

function fillSelect(id, pairs, first = "all") {
  const select = document.getElementById(id);
  select.replaceChildren(element("option", { value: "" }, first), ...pairs.map(([value, text]) => element("option", { value }, text)));
  if (id.startsWith("by-")) select.parentElement.hidden = pairs.length < 2;
}

function fillFilters() {
  for (const [id, pairs] of SELECTS) fillSelect(id, pairs);
  const words = { "by-file": DATA.files, "by-tag": DATA.tags, "by-judge": DATA.judges, "by-model": DATA.models, "by-prompt": DATA.prompts };
  for (const [id, list] of Object.entries(words)) {
    const pairs = list.map((word, place) => [String(place), (word || "(inline)").slice(0, 80)]);
    fillSelect(id, pairs.sort((one, other) => one[1].localeCompare(other[1])));
  }
  document.getElementById("by-judge").parentElement.hidden = !DATA.judges.length;
  document.getElementById("by-tag").parentElement.hidden = !DATA.tags.length;
  document.getElementById("by-change").parentElement.hidden = !DATA.cases.some((row) => row[CHANGE]);
  fillSelect("chart-file", DATA.files.map((file, place) => [String(place), file.slice(0, 80)]), "all eval files");
  document.getElementById("chart-file").parentElement.hidden = DATA.files.length < 2;
  document.getElementById("chart-metric").parentElement.hidden = !Object.keys(DATA.trends).length;
}

// A run in which nothing ran has nothing to draw, to count or to search.
function hideEmpty() {
  for (const id of DATA.cases.length ? [] : ["charts", "breakdowns", "cases"]) {
    document.getElementById(id).hidden = true;
    document.querySelector(`nav a[href="#${id}"]`).hidden = true;
  }
}

function isTyping(event) {
  return /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  const isOpen = document.getElementById("case").open;
  if (event.key === "/" && !isOpen) {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (isOpen && event.key === "ArrowLeft") openBeside(-1);
  else if (isOpen && event.key === "ArrowRight") openBeside(1);
}

function onSearchKey(event) {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  choose(Math.max(table.at, 0));
  document.getElementById("table").focus();
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function showTheme() {
  document.getElementById("theme").textContent = isDark() ? "Light" : "Dark";
  drawCharts();
}

function switchTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
}

// Paper is light, and the charts' colours are drawn, not styled.
function printLight() {
  const chosen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  isOnPaper = true;
  // What is folded cannot be opened on paper.
  const folds = [...document.querySelectorAll("main details:not([open])")];
  for (const fold of folds) fold.open = true;
  drawCharts();
  window.addEventListener("afterprint", () => {
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    isOnPaper = false;
    for (const fold of folds) fold.open = false;
    drawCharts();
  }, { once: true });
}

function listen() {
  const on = (id, name, handler) => document.getElementById(id).addEventListener(name, handler);
  on("theme", "click", switchTheme);
  on("filters", "input", changeView);
  on("filters", "submit", (event) => event.preventDefault());
  on("filters", "reset", () => setTimeout(changeView));
  on("search", "keydown", onSearchKey);
  on("table", "keydown", moveByKey);
  document.querySelector("#table .body").addEventListener("scroll", () => requestAnimationFrame(drawRows));
  on("case-close", "click", () => document.getElementById("case").close());
  on("case-before", "click", () => openBeside(-1));
  on("case-after", "click", () => openBeside(1));
  on("case", "close", afterClose);
  on("case", "click", (event) => event.target.id === "case" && event.target.close());
  on("chart-file", "change", drawCharts);
  on("chart-metric", "change", drawCharts);
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", openLinked);
  window.addEventListener("hashchange", openView);
  window.addEventListener("popstate", goBack);
  window.addEventListener("beforeprint", printLight);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { drawCharts(); drawRows(); }, 150);
  });
}

async function start() {
  if (!window.DecompressionStream) return;
  await loadIndex();
  document.documentElement.classList.add("with-script");
  table.onOpen = openCase;
  fillFilters();
  listen();
  drawHead();
  for (const row of DATA.cases) searched.push(nameTexts(row).join("\n").toLowerCase());
  hideEmpty();
  applyFilter();
  openView();
  showTheme();
  document.documentElement.dataset.ready = "cases";
  openLinked();
  // The browser looked for the section of a link before it was shown.
  const linked = /^#[a-z]+(?=$|\?)/.exec(location.hash) && document.querySelector(location.hash.split("?")[0]);
  if (linked && linked.id !== "case") linked.scrollIntoView();
  await prepareSearch(() => filterOf().words.length && applyFilter());
  document.documentElement.dataset.ready = "texts";
}

start();
