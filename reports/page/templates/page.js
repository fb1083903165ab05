"use strict";
// Tables are sorted by a click or Enter on a heading and filtered by the input above them.
for (const table of document.querySelectorAll("table.data:not(.matrix)")) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const key = (row, column) => {
    const value = row.cells[column].dataset.sort;
    const number = Number(value);
    return value !== "" && !Number.isNaN(number) ? number : value;
  };
  const compare = (a, b) =>
    typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const text = head.classList.contains("text");
      const now = head.getAttribute("aria-sort");
      const down = now ? now === "ascending" : !text;
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const known = rows.filter((row) => row.cells[column].dataset.sort !== "");
      const unknown = rows.filter((row) => row.cells[column].dataset.sort === "");
      known.sort((a, b) => (down ? -1 : 1) * compare(key(a, column), key(b, column)));
      body.append(...known, ...unknown);
    });
  });
  if (rows.length < 6) continue;
  const label = document.createElement("label");
  label.className = "filter";
  const box = document.createElement("input");
  box.type = "search";
  const shown = document.createElement("output");
  label.append("filter rows ", box, " ", shown);
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = words.length ? `${count} of ${rows.length}` : "";
  });
  table.closest(".scroll").before(label);
}
document.documentElement.dataset.ready = "yes";
