"use strict";
// The report's data: an index of all cases, and packets of their texts, which are unpacked when they are needed.
const [NAME, FILE, MODEL, PROMPT, TAGS, STATUS, CHANGE, SCORE, BEFORE, FLIPPED, COST, LATENCY, SCORES] =
  Array.from({ length: 13 }, (_, place) => place);
let DATA = null;
const unpacked = new Map();

async function unpack(element) {
  const binary = atob(element.textContent.slice(1, -1));
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

async function loadIndex() {
  DATA = await unpack(document.getElementById("index"));
  DATA.elements = Array.from(document.querySelectorAll(".packet"));
}

function packetOf(number) {
  const place = Math.floor(number / DATA.packet);
  if (!unpacked.has(place)) unpacked.set(place, unpack(DATA.elements[place]));
  return unpacked.get(place);
}

async function textsOf(number) {
  return (await packetOf(number))[number % DATA.packet];
}

// All that a search looks through, one text for each case. It is made in the background, a packet at a time.
const searched = [];
let isSearchReady = false;

function collectTexts(value, found) {
  if (typeof value === "string") found.push(value);
  else if (Array.isArray(value)) for (const part of value) collectTexts(part, found);
  else if (value !== null && typeof value === "object") for (const part of Object.values(value)) collectTexts(part, found);
}

function nameTexts(row) {
  return [row[NAME], DATA.files[row[FILE]], DATA.models[row[MODEL]], ...row[TAGS].map((tag) => DATA.tags[tag])];
}

async function prepareSearch(onReady) {
  for (let first = 0; first < DATA.cases.length; first += DATA.packet) {
    const packet = await packetOf(first);
    unpacked.delete(Math.floor(first / DATA.packet));
    packet.forEach((texts, place) => {
      const found = [searched[first + place]];
      collectTexts(texts, found);
      searched[first + place] = found.join("\n").toLowerCase();
    });
    await new Promise((resolve) => setTimeout(resolve));
  }
  isSearchReady = true;
  onReady();
}
