// What is searched, filtered and sorted by stands in the address, so that a link shows the same cases to others.
const VIEW = "#cases";
const LISTS = { file: "files", tag: "tags", judge: "judges", model: "models", prompt: "prompts" };

// Words are written out: places in lists are others in the next report.
function viewLink() {
  const view = new URLSearchParams();
  for (const [name, value] of Object.entries(fieldsOf(document.getElementById("filters")))) {
    if (value) view.set(name, LISTS[name] ? plain(DATA[LISTS[name]][Number(value)]) : plain(value));
  }
  if (table.sort !== "usual") view.set("sort", table.isDown ? table.sort : "-" + table.sort);
  return view.size ? VIEW + "?" + view : VIEW;
}

function fieldsOf(form) {
  const fields = [...form.querySelectorAll("input, select")];
  return Object.fromEntries(fields.map((field) => [field.id.replace("by-", ""), field.value]));
}

function rememberView() {
  // A page that is only in a frame without a place of its own has no history to write into.
  try { history.replaceState(history.state, "", viewLink()); } catch { /* it is shown all the same */ }
}

function openView() {
  if (!location.hash.startsWith(VIEW + "?") || location.hash === viewLink()) return;
  const view = new URLSearchParams(location.hash.slice(VIEW.length + 1));
  for (const field of document.querySelectorAll("#filters input, #filters select")) {
    const name = field.id.replace("by-", ""), word = view.get(name) || "";
    const place = LISTS[name] && word ? DATA[LISTS[name]].findIndex((known) => plain(known) === word) : -1;
    field.value = LISTS[name] ? (place < 0 ? "" : String(place)) : word;
    // A select that does not have the word has no value at all.
    if (field.selectedIndex < 0) field.value = "";
  }
  const sort = view.get("sort") || "usual";
  table.isDown = !sort.startsWith("-");
  table.sort = COLUMNS.some((column) => column.key === sort.replace(/^-/, "")) ? sort.replace(/^-/, "") : "usual";
  drawHead();
  applyFilter();
}
