// The charts, drawn by uPlot. Each has a sentence that says what it shows.
const plots = [];
const BINS = 20;
const PAPER_WIDTH = 320;
let isOnPaper = false;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function chartRows() {
  const file = document.getElementById("chart-file").value;
  return file === "" ? DATA.cases : DATA.cases.filter((row) => row[FILE] === Number(file));
}

function drawCharts() {
  for (const plot of plots.splice(0)) plot.destroy();
  const rows = chartRows();
  drawScatter(rows);
  drawScores(rows);
  drawLatencies(rows);
  drawTrend();
}

function say(figure, text) {
  figure.querySelector(".said").textContent = plain(text);
}

function plotInto(id, options, data, text) {
  const figure = document.getElementById(id);
  figure.hidden = false;
  const holder = figure.querySelector(".plot");
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "12px system-ui, sans-serif" };
  const [bottom, left] = options.axes;
  const plot = new uPlot({
    width: isOnPaper ? PAPER_WIDTH : holder.clientWidth, height: 260, legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false }, ...options,
    axes: [{ ...axis, ...bottom, labelSize: 18, labelFont: axis.font }, { ...axis, ...left, labelSize: 18, labelFont: axis.font }],
  }, data, holder);
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", plain(text));
  say(figure, text);
  plots.push(plot);
  return plot;
}

function spots(rows) {
  const found = new Map();
  for (const row of rows) {
    if (changeOf(row) === null) continue;
    const key = row[BEFORE].toFixed(2) + " " + row[SCORE].toFixed(2);
    if (!found.has(key)) found.set(key, { before: row[BEFORE], now: row[SCORE], change: row[CHANGE], rows: [] });
    found.get(key).rows.push(row);
  }
  return [...found.values()].sort((one, other) => other.rows.length - one.rows.length);
}

function radiusOf(spot) {
  return Math.min(3 + 1.6 * Math.sqrt(spot.rows.length - 1), 22);
}

// A triangle down is worse, one up is better, a disc is the same: the shape says what the colour does.
function drawSpot(context, spot, x, y) {
  const radius = radiusOf(spot) * devicePixelRatio;
  const way = spot.change === "worse" ? 1 : -1;
  context.fillStyle = colour({ worse: "--bad", better: "--good" }[spot.change] || "--dim");
  context.beginPath();
  if (spot.change === "same") context.arc(x, y, radius, 0, 2 * Math.PI);
  else {
    context.moveTo(x - radius, y - (way * radius) / 1.5);
    context.lineTo(x + radius, y - (way * radius) / 1.5);
    context.lineTo(x, y + way * radius);
  }
  context.fill();
}

function drawScatter(rows) {
  const figure = document.getElementById("scatter");
  const found = spots(rows);
  figure.hidden = !found.length;
  if (!found.length) return;
  const count = (change) => found.filter((spot) => spot.change === change).reduce((sum, spot) => sum + spot.rows.length, 0);
  const text = `Below the line is worse. ▼ ${count("worse").toLocaleString("en")} worse, ▲ ${count("better").toLocaleString("en")} better, ● ${count("same").toLocaleString("en")} the same; a larger sign stands for more cases. A click opens a case.`;
  const draw = (plot) => {
    const context = plot.ctx, at = (value, scale) => plot.valToPos(value, scale, true);
    context.save();
    context.strokeStyle = colour("--dim");
    context.lineWidth = devicePixelRatio;
    context.setLineDash([5, 5]);
    context.beginPath();
    context.moveTo(at(0, "x"), at(0, "y"));
    context.lineTo(at(1, "x"), at(1, "y"));
    context.stroke();
    context.globalAlpha = found.length > 400 ? 0.35 : 0.75;
    for (const spot of found) drawSpot(context, spot, at(spot.before, "x"), at(spot.now, "y"));
    context.restore();
  };
  const plot = plotInto("scatter", {
    scales: { x: { time: false, range: [-0.05, 1.05] }, y: { range: [-0.05, 1.05] } },
    series: [{}, { points: { show: false } }], axes: [{ label: "before" }, { label: "now" }], hooks: { draw: [draw] },
  }, [[0, 1], [null, null]], text);
  plot.over.addEventListener("click", (event) => {
    const spot = nearest(plot, found, event.offsetX, event.offsetY);
    if (spot) openCase(DATA.cases.indexOf(spot.rows[0]));
  });
  plot.over.addEventListener("mousemove", (event) => {
    const spot = nearest(plot, found, event.offsetX, event.offsetY);
    const names = spot ? spot.rows.slice(0, 3).map((row) => row[NAME].slice(0, 60)).join(", ") : "";
    say(figure, spot ? `${number(spot.before)} → ${number(spot.now)}, ${counted(spot.rows.length, "case")}: ${names}${spot.rows.length > 3 ? ", …" : ""}` : text);
  });
  plot.over.addEventListener("mouseleave", () => say(figure, text));
}

function nearest(plot, found, x, y) {
  let best = null, least = Infinity;
  for (const spot of found) {
    const away = Math.hypot(plot.valToPos(spot.before, "x") - x, plot.valToPos(spot.now, "y") - y) - radiusOf(spot);
    if (away < least) [best, least] = [spot, away];
  }
  return least < 12 ? best : null;
}

function histogram(values, least, most) {
  const counts = new Array(BINS).fill(0);
  const width = (most - least) / BINS;
  for (const value of values) counts[Math.min(BINS - 1, Math.max(0, Math.floor((value - least) / width + 1e-9)))] += 1;
  return counts;
}

function bars(id, labels, series, text, edge) {
  const middles = Array.from({ length: BINS }, (_, bin) => (bin + 0.5) * edge / BINS);
  const most = Math.max(...series.flatMap((one) => one.counts));
  const side = series.length > 1 ? [-1, 1] : [0];
  plotInto(id, {
    scales: { x: { time: false, range: [0, edge] }, y: { range: [0, most * 1.08] } },
    series: [{}, ...series.map((one, place) => ({
      paths: uPlot.paths.bars({ size: [series.length > 1 ? 0.42 : 0.85, 60], align: side[place] }), points: { show: false },
      stroke: colour("--ink"), width: one.isHollow ? 1 : 0, fill: one.isHollow ? colour("--paper") : colour("--accent"),
    }))],
    axes: labels,
  }, [middles, ...series.map((one) => one.counts.map((count) => count || null))], text);
}

function drawScores(rows) {
  const now = rows.map((row) => row[SCORE]).filter((value) => value !== null);
  const before = rows.map((row) => row[BEFORE]).filter((value) => value !== null);
  document.getElementById("distribution").hidden = !now.length;
  if (!now.length) return;
  const series = [{ counts: histogram(now, 0, 1) }];
  if (before.length) series.unshift({ counts: histogram(before, 0, 1), isHollow: true });
  const text = `${before.length ? "Hollow bars are before, full ones now. " : ""}Now ${quartiles(now, number)}${before.length ? "; before " + quartiles(before, number) : ""}.`;
  bars("distribution", [{ label: "score" }, { label: "cases" }], series, text, 1);
}

function drawLatencies(rows) {
  const values = rows.map((row) => row[LATENCY]).filter((value) => value !== null).sort((one, other) => one - other);
  document.getElementById("latency").hidden = !values.length || values[values.length - 1] === 0;
  if (document.getElementById("latency").hidden) return;
  const edge = values[Math.floor(0.99 * (values.length - 1))] * 1.05 || values[values.length - 1];
  bars("latency", [{ label: "seconds" }, { label: "cases" }], [{ counts: histogram(values, 0, edge) }], `Of the latencies, ${quartiles(values, seconds)}; slower than the axis counts in the last bar.`, edge);
}

function quartiles(values, shown) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share) => shown(sorted[Math.floor(share * (sorted.length - 1))]);
  return `a quarter of the cases have at most ${at(0.25)}, half at most ${at(0.5)}, three quarters at most ${at(0.75)}`;
}

function trendFile() {
  const file = document.getElementById("chart-file").value;
  if (file !== "") return DATA.files[Number(file)];
  return Object.keys(DATA.trends)[0];
}

// Runs of one day are told apart by their time, those of one minute by its seconds.
function momentOf(points, place) {
  const [day, time = ""] = points[place][0].split(/[T ]/);
  const hasOther = (start) => points.some((point, other) => other !== place && point[0].replace(" ", "T").startsWith(start));
  if (!hasOther(day)) return day;
  const minute = time.slice(0, 5);
  return hasOther(`${day}T${minute}`) ? time.slice(0, 8) : `${day.slice(5)} ${minute}`;
}

function drawTrend() {
  const figure = document.getElementById("trend"), points = DATA.trends[trendFile()];
  figure.hidden = !points;
  if (!points) return;
  const metric = fillMetrics(points);
  const values = points.map((point) => point[2][metric] ?? null);
  const days = points.map((_, place) => momentOf(points, place));
  const known = values.filter((value) => value !== null);
  const isOneOfSeveral = document.getElementById("chart-file").value === "" && DATA.files.length > 1;
  const text = `${isOneOfSeveral ? "A trend is one of a single eval file, of the first one until you choose. " : ""}${metric[0].toUpperCase()}${metric.slice(1)} of ${trendFile()} over ${counted(points.length, "run")}: from ${number(known[0])} to ${number(known[known.length - 1])}, between ${number(Math.min(...known))} and ${number(Math.max(...known))}.`;
  const isShare = !/^(cost|latency|output)/.test(metric);
  plotInto("trend", {
    scales: { x: { time: false, range: [-0.4, points.length - 0.6] }, ...(isShare ? { y: { range: [-0.03, 1.03] } } : {}) },
    series: [{}, { stroke: colour("--accent"), width: 2, points: { show: true, size: 6, fill: colour("--accent") } }],
    axes: [{ values: (_, at) => at.map((place) => days[place] || ""), space: 90, incrs: [1, 2, 5, 10, 25, 50] }, { size: 60 }],
  }, [points.map((_, place) => place), values], text);
  figure.querySelector(".as-table").replaceChildren(trendTable(points, metric));
}

function fillMetrics(points) {
  const select = document.getElementById("chart-metric"), chosen = select.value;
  const names = [...new Set(points.flatMap((point) => Object.keys(point[2])))];
  select.replaceChildren(...names.map((name) => element("option", { value: name }, name.replace("judges.", "judge ").replaceAll("_", " "))));
  select.value = names.includes(chosen) ? chosen : names.includes("score") ? "score" : names[0];
  return select.value;
}

function trendTable(points, metric) {
  const rows = points.map(([day, run, values, verdicts]) => element("tr", {},
    element("th", { scope: "row" }, run), element("td", {}, day.replace("T", " ").slice(0, 19)),
    element("td", {}, number(values[metric])), element("td", {}, [...new Set(verdicts)].join(", "))));
  const heads = ["run", "started", metric, "verdicts"].map((text) => element("th", { scope: "col" }, text));
  return element("table", { class: "numbers" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
}
