// Making elements. What a model wrote gets into the page by textContent alone, never as markup.
// Characters that hide, move or turn other text are shown by their numbers, the same ones as unseen.py has.
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const IS_HIDDEN = new RegExp(HIDDEN, "u");

function plain(text) {
  return text.replace(HIDDEN, (sign, place) => (isPartOfSign(sign, place, text) ? sign : numberOf(sign)));
}

function numberOf(sign) {
  const number = sign.codePointAt(0).toString(16);
  return sign.length > 1 ? "\\U" + number.padStart(8, "0") : "\\u" + number.padStart(4, "0");
}

// Whether a sign is seen by what it does to the one before it, as in emoji of several parts.
function isPartOfSign(sign, place, text) {
  const before = Array.from(text.slice(Math.max(0, place - 2), place)).pop() || "";
  const isFar = (other) => other >= "\u0600" && !IS_HIDDEN.test(other);
  const isVariation = (other) => /^[\ufe00-\ufe0f]$/.test(other);
  if (isVariation(sign)) return /^[#*0-9\xa9\xae]$/.test(before) || isFar(before);
  if (sign !== "\u200c" && sign !== "\u200d") return false;
  const after = place + 1 < text.length ? String.fromCodePoint(text.codePointAt(place + 1)) : "";
  return (isVariation(before) || isFar(before)) && isFar(after);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  for (const child of children) {
    if (child !== null && child !== undefined) made.append(typeof child === "string" ? plain(child) : child);
  }
  return made;
}

function number(value, digits = 3) {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

function signed(value) {
  if (value === null) return "";
  const text = value.toFixed(3);
  return Number(text) === 0 ? "0.000" : value > 0 ? "+" + text : text.replace("-", "−");
}

function dollars(value) {
  if (value === null || value === undefined) return "–";
  return value === 0 ? "$0" : "$" + (value < 0.01 ? value.toPrecision(2) : value.toFixed(value < 1 ? 4 : 2));
}

function seconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 1 ? Math.round(value * 1000) + " ms" : value.toFixed(value < 100 ? 1 : 0) + " s";
}

function counted(count, noun) {
  return count.toLocaleString("en") + " " + noun + (count === 1 ? "" : "s");
}

const SIGNS = { passed: "✓", failed: "✗", error: "!" };
const FIRST_SHOWN = 20000;

// A long text is cut until somebody asks for the rest: a megabyte takes a browser seconds to set.
function textBlock(text) {
  const block = element("pre", {}, text.slice(0, FIRST_SHOWN));
  if (text === "") block.append(element("span", { class: "dim" }, "(empty)"));
  if (text.length <= FIRST_SHOWN) return block;
  const more = element("button", { type: "button" }, "Show all " + counted(text.length, "character"));
  more.addEventListener("click", () => {
    block.textContent = plain(text);
    more.remove();
  });
  return element("div", {}, block, more);
}
