// One case, opened: what was asked, answered and expected, what the judges said, and what differs.
const OPENED = "case";
let openNumber = -1;
// A dialog tells of its end later: by then, the browser may already be at another place of its history.
let isClosedByHistory = false;
// The browser goes back later, too: a case that is opened meanwhile waits for it.
let wayBack = Promise.resolve();

function linkOf(number) {
  const row = DATA.cases[number];
  return "#case=" + encodeURIComponent(plain(DATA.files[row[FILE]] + "::" + row[NAME]));
}

async function openCase(number) {
  const dialog = document.getElementById("case");
  openNumber = number;
  const row = DATA.cases[number], texts = await textsOf(number);
  await wayBack;
  if (openNumber !== number) return;
  document.getElementById("case-title").textContent = plain(row[NAME].slice(0, 300));
  document.getElementById("case-body").replaceChildren(...caseParts(row, texts));
  remember(linkOf(number), dialog.open);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  document.getElementById("case-title").focus();
}

// The first case that is opened is a step of its own in the browser's history: Back closes it, and does not leave the page.
function remember(link, isOpen) {
  if (location.hash === link) return;
  // A page that is only in a frame without a place of its own has no history to write into.
  try { history[isOpen ? "replaceState" : "pushState"](isOpen ? history.state : OPENED, "", link); } catch { /* it is open all the same */ }
}

function afterClose() {
  if (!isClosedByHistory) leaveCase();
  isClosedByHistory = false;
  if (!document.getElementById("case").open) document.getElementById("table").focus({ preventScroll: true });
}

function leaveCase() {
  openNumber = -1;
  if (!location.hash.startsWith("#case=")) return;
  if (history.state === OPENED) goTheWayBack();
  else rememberView();
}

function goTheWayBack() {
  wayBack = new Promise((resolve) => {
    window.addEventListener("popstate", resolve, { once: true });
    setTimeout(resolve, 1000);
  });
  history.back();
}

function goBack() {
  const dialog = document.getElementById("case");
  if (!dialog.open || location.hash.startsWith("#case=")) return;
  openNumber = -1;
  isClosedByHistory = true;
  dialog.close();
}

function openBeside(step) {
  const at = table.shown.indexOf(openNumber) + step;
  if (openNumber < 0 || at < 0 || at >= table.shown.length) return;
  choose(at);
  openCase(table.shown[at]);
}

function openLinked() {
  if (!location.hash.startsWith("#case=")) return;
  const place = DATA.cases.findIndex((_, number) => linkOf(number) === location.hash);
  if (place < 0) {
    document.getElementById("count").textContent = "The case of this link is not in the report.";
    document.getElementById("cases").scrollIntoView();
    return;
  }
  choose(table.shown.indexOf(place));
  openCase(place);
}

function caseParts(row, texts) {
  const shown = worstTrial(texts.trials), several = texts.trials.length > 1;
  const output = shown === undefined ? null : shown.text;
  return [
    facts(row, texts),
    texts.error ? part("Error", element("p", { class: "error-text" }, texts.error[0] + ": "), textBlock(texts.error[1])) : null,
    part("Judges", judgesTable(texts.scores)),
    output === null ? null : part(several ? `Output of trial ${shown.number}, the worst` : "Output", ...outputParts(shown)),
    texts.expected === undefined ? null : part("Expected", textBlock(texts.expected)),
    output === null || texts.expected === undefined ? null : part("Expected against output", legend("only expected", "only in the output"), diffBlock(texts.expected, output)),
    output === null || texts.before === undefined ? null : part("Output before against now", legend("only before", "only now"), diffBlock(texts.before, output), folded("Output before, whole", textBlock(texts.before))),
    texts.prompt.length ? part("Prompt", ...texts.prompt.map(([role, text]) => element("div", { class: "message" }, element("p", { class: "role" }, role), textBlock(text)))) : null,
    texts.trials.length > 1 ? part("Trials", ...texts.trials.map(trialPart)) : null,
  ].filter(Boolean);
}

// Of several trials, what is wrong is told by the worst one, and its judges' words are those of the case.
function worstTrial(trials) {
  const answered = trials.filter((trial) => trial.text !== undefined);
  const rank = (trial) => [trial.passed === true ? 1 : 0, trial.score ?? -1];
  return answered.sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1] || one.number - other.number)[0];
}

function part(title, ...children) {
  return element("section", {}, element("h3", {}, title), ...children);
}

function folded(title, ...children) {
  return element("details", {}, element("summary", {}, title), ...children);
}

function legend(gone, come) {
  return element("p", { class: "dim" }, element("del", {}, gone), " ", element("ins", {}, come));
}

function facts(row, texts) {
  const change = changeOf(row);
  const known = [
    ["result", statusCell(row)],
    ["score", number(row[SCORE]) + (row[BEFORE] === null ? "" : ", before " + number(row[BEFORE]))],
    ["change", row[CHANGE] ? row[CHANGE] + (change === null ? "" : " " + signed(change)) + (row[FLIPPED] ? ", passed before" : "") : null],
    ["place", element("code", {}, texts.place)],
    ["model", DATA.models[row[MODEL]]],
    ["prompt", DATA.prompts[row[PROMPT]]],
    ["tags", tagsOf(row)],
    ["group", texts.group], ["weight", texts.weight === undefined ? null : String(texts.weight)],
    ["cost", row[COST] === null ? null : dollars(row[COST]) + (texts.spent === undefined ? "" : ", paid now " + dollars(texts.spent))],
    ["latency", row[LATENCY] === null ? null : seconds(row[LATENCY])],
    ["called before", texts.renamed], ["taken from", texts.reused],
  ].filter(([, value]) => value);
  return element("dl", { class: "evidence" }, ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

function judgesTable(scores) {
  if (!scores.length) return element("p", { class: "dim" }, "No judge gave a score.");
  const heads = ["judge", "score", "passes at", "why"];
  const body = element("tbody", {}, ...scores.map(judgeRow));
  const head = element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text))));
  return element("div", { class: "scroll" }, element("table", { class: "judges" }, head, body));
}

function judgeRow([judge, value, isPassed, threshold, explanation, isRequired, cost, details]) {
  const state = isPassed ? "passed" : "failed";
  return element("tr", {},
    element("th", { scope: "row" }, judge + (isRequired ? "" : " (not required)")),
    element("td", { "data-head": "score" }, element("span", { class: "badge " + state }, SIGNS[state] + " " + number(value))),
    element("td", { "data-head": "passes at" }, threshold === null ? "–" : number(threshold)),
    element("td", { class: "why" }, explanation ? textBlock(explanation) : "",
      cost ? element("p", { class: "dim" }, dollars(cost)) : null,
      details ? folded("details", textBlock(details)) : null));
}

function outputParts(trial) {
  return [
    textBlock(trial.text),
    ...(trial.calls || []).map((call) => element("pre", {}, "tool call: " + call)),
    trial.refusal ? element("p", { class: "error-text" }, "refused: " + trial.refusal) : null,
    element("p", { class: "dim" }, responseText(trial)),
  ].filter(Boolean);
}

function responseText(trial) {
  const tokens = trial.tokens ? trial.tokens.map((count) => (count === null ? "?" : count.toLocaleString("en"))).join(" → ") + " tokens" : null;
  return [trial.model, tokens, trial.finish ? "finished: " + trial.finish : null, trial.latency === undefined ? null : seconds(trial.latency),
    trial.cost === undefined ? null : dollars(trial.cost), trial.cached ? "from the cache" : null].filter(Boolean).join(", ");
}

function trialPart(trial) {
  const state = trial.error ? "error" : trial.passed ? "passed" : "failed";
  const title = `Trial ${trial.number}: ${SIGNS[state]} ${state}, score ${number(trial.score)}`;
  return folded(title,
    trial.error ? element("p", { class: "error-text" }, trial.error[0] + ": " + trial.error[1]) : null,
    ...(trial.text === undefined ? [] : outputParts(trial)),
    trial.scores && trial.scores.length ? judgesTable(trial.scores) : null);
}
