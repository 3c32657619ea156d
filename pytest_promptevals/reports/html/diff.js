// What differs between two texts, word by word: the shortest edit (Myers, "An O(ND) Difference Algorithm", 1986).
const MOST_WORDS = 20000;
const MOST_EDITS = 1500;

function wordsOf(text) {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
}

// Returns [kind, text] pairs, kind being "same", "gone" or "come"; null where the texts differ too much to say quickly.
function diffWords(before, after) {
  if (before.length + after.length > 12 * MOST_WORDS) return null;
  const old = wordsOf(before), now = wordsOf(after);
  if (old.length + now.length > MOST_WORDS) return null;
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const middle = shortestEdit(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  if (middle === null) return null;
  const all = [...old.slice(0, head).map((word) => ["same", word]), ...middle, ...old.slice(old.length - tail).map((word) => ["same", word])];
  return joined(all);
}

function shortestEdit(old, now) {
  const most = Math.min(old.length + now.length, MOST_EDITS);
  const kept = [];
  let reached = new Map([[1, 0]]);
  for (let edits = 0; edits <= most; edits += 1) {
    const next = new Map(reached);
    for (let line = -edits; line <= edits; line += 2) {
      let x = isDown(reached, line, edits) ? reached.get(line + 1) : reached.get(line - 1) + 1;
      while (x < old.length && x - line < now.length && old[x] === now[x - line]) x += 1;
      next.set(line, x);
      if (x >= old.length && x - line >= now.length) return traced(kept, reached, edits, old, now);
    }
    kept.push(reached);
    reached = onlyLines(next, edits);
  }
  return null;
}

// Whether the furthest way to a diagonal comes from above: a word is new, and none is gone.
function isDown(reached, line, edits) {
  return line === -edits || (line !== edits && reached.get(line - 1) < reached.get(line + 1));
}

function onlyLines(reached, edits) {
  const lines = new Map();
  for (let line = -edits; line <= edits; line += 2) lines.set(line, reached.get(line));
  return lines;
}

function traced(kept, last, edits, old, now) {
  const found = [];
  let x = old.length, y = now.length;
  for (let left = edits; left >= 0; left -= 1) {
    const reached = left === edits ? last : kept[left];
    const line = x - y;
    const from = isDown(reached, line, left) ? line + 1 : line - 1;
    const startX = left === 0 ? 0 : reached.get(from), startY = left === 0 ? 0 : startX - from;
    while (x > startX && y > startY) {
      x -= 1; y -= 1;
      found.push(["same", old[x]]);
    }
    if (left > 0) {
      if (x === startX) { y -= 1; found.push(["come", now[y]]); } else { x -= 1; found.push(["gone", old[x]]); }
    }
  }
  return found.reverse();
}

function joined(words) {
  const parts = [];
  for (const [kind, word] of words) {
    const last = parts[parts.length - 1];
    if (last && last[0] === kind) last[1].push(word);
    else parts.push([kind, [word]]);
  }
  return parts.map(([kind, found]) => [kind, found.join("")]);
}

function diffBlock(before, after) {
  if (before === after) return element("p", { class: "dim" }, "Both are the same.");
  const parts = diffWords(before, after);
  if (parts === null) return element("p", { class: "dim" }, "These texts are too long, or differ too much, to be compared word by word.");
  const block = element("pre", { class: "diff" });
  for (const [kind, text] of parts) {
    block.append(element(kind === "same" ? "span" : kind === "gone" ? "del" : "ins", {}, text));
  }
  return block;
}
