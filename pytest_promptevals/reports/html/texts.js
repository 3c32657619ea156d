// Making elements. What a model wrote gets into the page by textContent alone, never as markup.
// Characters that hide, move or turn other text are shown by their numbers.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function numberOf(character) {
  return "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0");
}

function plain(text) {
  return text.replace(HIDDEN, numberOf);
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
