"use strict";
// Data are compressed blocks inside the page, or files beside it that call apprehendData.
const index = JSON.parse(document.getElementById("explorer-index").textContent);
const waiting = new Map();
window.apprehendData = (name, text) => waiting.get(name)?.(text);

function encoded(name) {
  const block = document.getElementById("data-" + name);
  if (block) return Promise.resolve(block.textContent);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const failed = () =>
      reject(new Error(`explorer/${name}.js cannot be read: the folder explorer belongs beside this page`));
    waiting.set(name, (text) => {
      waiting.delete(name);
      resolve(text);
    });
    script.onload = () => {
      script.remove();
      if (waiting.has(name)) failed();
    };
    script.onerror = failed;
    script.src = `explorer/${name}.js`;
    document.head.append(script);
  });
}

async function inflate(name) {
  const text = atob(await encoded(name));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

// What is small or shared is kept; of the details only the pieces that were read last.
const kept = new Map();
function once(store, most, name, read) {
  if (!store.has(name)) {
    const promise = inflate(name).then(read);
    store.set(name, promise);
    promise.catch(() => store.delete(name));
    if (store.size > most) store.delete(store.keys().next().value);
  } else {
    const promise = store.get(name);
    store.delete(name);
    store.set(name, promise);
  }
  return store.get(name);
}
const parsed = (buffer) => JSON.parse(new TextDecoder().decode(buffer));
const json = (name) => once(kept, Infinity, name, parsed);
const numbers = (name, kind) => once(kept, Infinity, name, (buffer) => new kind(buffer));
const recent = new Map();

async function piece(pieces, row) {
  // The row's element in pieces of rows, each given as [first row, name].
  let low = 0;
  for (let high = pieces.length; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (pieces[middle][0] <= row) low = middle;
    else high = middle;
  }
  if (!pieces.length) return undefined;
  const rows = await once(recent, 24, pieces[low][1], parsed);
  return rows[row - pieces[low][0]];
}

// Text is external: characters that a reader would not see, or that move others, are spelled out.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
const spelled = (character) => {
  if ("\n\t\u200c\u200d".includes(character)) return character;
  const code = character.codePointAt(0).toString(16);
  if (code.length <= 2) return "\\x" + code.padStart(2, "0");
  return code.length <= 4 ? "\\u" + code.padStart(4, "0") : "\\U" + code.padStart(8, "0");
};
const shown = (text) => String(text).replace(HIDDEN, spelled);

// Elements are built, never parsed: text can not become markup.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === "") continue;
    element.append(child instanceof Node ? child : shown(child));
  }
  return element;
}
const byId = (name) => document.getElementById("x-" + name);
const figures = (value, digits = 4) =>
  value === null || value === undefined || Number.isNaN(value)
    ? "–"
    : String(Number(value.toPrecision(digits)));
const counted = (n) => n.toLocaleString("en-US");
