"use strict";
// Shows the values of the chosen topic, and hides the rows and columns that the filters leave out.
const values = JSON.parse(document.getElementById("values").textContent);
const field = (name) => document.getElementById("f-" + name);
const given = (name) => (field(name) ? field(name).value.trim() : "");
const fixed = (x) => x.toFixed(3);
function fill(cell, value) {
  cell.replaceChildren();
  cell.className = "";
  cell.removeAttribute("style");
  if (!value) {
    cell.append("–");
    return;
  }
  const [area, low, high, n] = value;
  cell.title = `${n} questions`;
  if (low === null) {
    cell.className = "few";
    cell.append(fixed(area) + "†");
    return;
  }
  cell.className = "heat";
  const share = Math.min(60, Math.round(Math.abs(area - 0.5) * 160));
  cell.style.setProperty("--heat", `var(--${area >= 0.5 ? "above" : "below"})`);
  cell.style.setProperty("--share", `${share}%`);
  const small = document.createElement("small");
  small.append(`[${fixed(low)}, ${fixed(high)}]`);
  cell.append(fixed(area), small);
}
const boards = Array.from(document.querySelectorAll(".board")).map((section) => ({
  section,
  rows: Array.from(section.querySelectorAll("tbody tr")),
  heads: Array.from(section.querySelectorAll("thead th")),
}));
const FIRST = 3;
for (const { section, rows } of boards) {
  const label = section.querySelector(".topic");
  label.hidden = false;
  label.querySelector("select").addEventListener("change", (event) => {
    const table = values[section.dataset.id][event.target.value];
    rows.forEach((row, i) => table[i].forEach((value, j) => fill(row.cells[FIRST + j], value)));
    apply();
  });
}
for (const { section, rows, heads } of boards) {
  const body = section.querySelector("tbody");
  heads.forEach((head, j) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.hidden = false;
    const key = (row) => (row.cells[j].className === "heat" ? parseFloat(row.cells[j].textContent) : -1);
    button.addEventListener("click", () => {
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", "descending");
      body.append(...rows.slice().sort((a, b) => key(b) - key(a)));
    });
  });
}
function has(text, words) {
  return words.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));
}
function apply() {
  const [task, model, estimator] = ["task", "model", "estimator"].map(given);
  const [family, weights] = ["family", "weights"].map(given);
  const [size, cost] = ["size", "cost"].map((name) => (given(name) === "" ? Infinity : Number(given(name))));
  for (const { section, rows, heads } of boards) {
    section.hidden = task !== "" && section.dataset.id !== task;
    const shown = heads.map((head, j) => {
      if (j < FIRST) return true;
      return has(head.dataset.name, estimator) && (family === "" || head.dataset.family === family);
    });
    heads.forEach((head, j) => { head.hidden = !shown[j]; });
    for (const row of rows) {
      const own = row.dataset;
      const small = size === Infinity || (own.size !== "" && Number(own.size) <= size * 1e9);
      row.hidden = !(has(own.name, model) && small && (weights === "" || own.weights === weights));
      shown.forEach((visible, j) => {
        const cell = row.cells[j];
        cell.hidden = !visible;
        if (j >= FIRST) {
          const dear = cost !== Infinity && !(cell.dataset.cost !== "" && Number(cell.dataset.cost) <= cost);
          cell.style.visibility = dear ? "hidden" : "";
        }
      });
    }
  }
}
const form = document.getElementById("filters");
form.hidden = false;
form.addEventListener("input", apply);
form.addEventListener("submit", (event) => event.preventDefault());
apply();
