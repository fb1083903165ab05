"use strict";
// Contents that follow the scroll, folds, search and pictures. Without this script all of the page
// is there, and every fold opens by itself.
{
  const root = document.documentElement;
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  root.classList.add("ready");

  // Folds: whatever is jumped to is opened first.
  const reveal = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
      if (at.tagName === "TR") at.hidden = false;
    }
  };
  const target = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const follow = () => {
    const element = location.hash.length > 1 ? target() : null;
    if (!element) return;
    reveal(element);
    element.scrollIntoView();
  };
  window.addEventListener("hashchange", follow);
  const folds = () => all("main details");
  const button = (id, open) =>
    document.getElementById(id).addEventListener("click", () => {
      for (const fold of folds()) fold.open = open;
    });
  button("unfold", true);
  button("fold", false);
  document.querySelector(".folds").hidden = false;
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = folds().filter((fold) => !fold.open);
    for (const fold of closed) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
  });

  // The menu: open beside the text, closed above it.
  const menu = document.querySelector(".menu");
  const narrow = window.matchMedia("(max-width: 899.9px)");
  const place = () => { menu.open = !narrow.matches; };
  narrow.addEventListener("change", place);
  place();
  menu.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    if (narrow.matches) menu.open = false;
    if (link.hash === location.hash) follow();
  });

  // The part in view: the last one whose beginning lies above a line near the top.
  const links = new Map();
  for (const link of all(".contents a[href^='#']")) {
    const part = document.getElementById(link.hash.slice(1));
    if (part) links.set(part, link);
  }
  const seen = new Set();
  let current = null;
  const mark = (link) => {
    if (link === current) return;
    if (current) current.removeAttribute("aria-current");
    for (const item of all(".contents > li.current")) item.classList.remove("current");
    current = link;
    if (!link) return;
    link.setAttribute("aria-current", "location");
    link.closest(".contents > li").classList.add("current");
    // Not by scrollIntoView, after which the Tab key would go on from here.
    const box = document.getElementById("contents");
    const [above, below] = [box.getBoundingClientRect(), link.getBoundingClientRect()];
    if (below.top < above.top) box.scrollTop -= above.top - below.top;
    else if (below.bottom > above.bottom) box.scrollTop += below.bottom - above.bottom;
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target);
      const last = Array.from(links.keys()).filter((part) => seen.has(part)).pop();
      if (last) mark(links.get(last));
    },
    { rootMargin: "-12% 0px -80% 0px" },
  );
  for (const part of links.keys()) observer.observe(part);
  mark(links.values().next().value || null);

  // Search: headings, terms of the glossary, rows of tables.
  const MOST = 20;
  const field = document.getElementById("search");
  const list = document.getElementById("hits");
  const count = document.getElementById("count");
  let entries = null;
  let hits = [];
  let chosen = -1;
  const words = (text) => text.toLowerCase().split(/[\s_]+/).filter(Boolean);
  const clean = (node) => node.textContent.replace(/\s+/g, " ").trim();
  const index = () => {
    const found = [];
    const add = (element, text, where, rank) => found.push({ element, text, where, rank, low: text.toLowerCase() });
    for (const head of all("main h2")) add(head, clean(head), "section", 0);
    for (const head of all("main h3")) {
      const section = head.closest("section");
      add(head, clean(head), section ? clean(section.querySelector("h2")) : "", 1);
    }
    for (const term of all("dt", document.getElementById("glossary"))) add(term, clean(term), "glossary", 2);
    for (const table of all("main table.data")) {
      const section = table.closest("section");
      const group = table.closest("[aria-label]");
      const where = [group && group.getAttribute("aria-label"), section && clean(section.querySelector("h2"))];
      const folded = table.closest("details.table") ? 1 : 0;
      for (const row of table.tBodies[0].rows) {
        const named = Array.from(row.cells).filter((cell, at) => at === 0 || cell.classList.contains("text"));
        const text = named.map(clean).filter(Boolean).join(" · ");
        add(row, text.slice(0, 160), where.filter(Boolean).join(", "), 3 + folded);
      }
    }
    return found;
  };
  const score = (entry, asked) => {
    let total = 0;
    for (const word of asked) {
      const at = entry.low.indexOf(word);
      if (at < 0) return Infinity;
      total += at === 0 ? 0 : 1;
    }
    return 10 * entry.rank + total;
  };
  const choose = (place) => {
    chosen = place;
    all("li", list).forEach((item, at) => item.setAttribute("aria-selected", String(at === place)));
    if (place < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", `hit-${place}`);
      list.children[place].scrollIntoView({ block: "nearest" });
    }
  };
  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    choose(-1);
  };
  const go = (entry) => {
    close();
    if (narrow.matches) menu.open = false;
    reveal(entry.element);
    for (const old of all(".found")) old.classList.remove("found");
    entry.element.classList.add("found");
    entry.element.tabIndex = -1;
    entry.element.scrollIntoView({ block: "center" });
    entry.element.focus({ preventScroll: true });
  };
  const show = () => {
    const asked = words(field.value);
    if (!entries) entries = index();
    const ranked = asked.length
      ? entries.map((entry) => [score(entry, asked), entry]).filter(([points]) => points < Infinity)
      : [];
    ranked.sort((a, b) => a[0] - b[0]);
    hits = ranked.slice(0, MOST).map(([, entry]) => entry);
    list.replaceChildren(
      ...hits.map((entry, at) => {
        const item = document.createElement("li");
        item.id = `hit-${at}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        const where = document.createElement("small");
        where.append(entry.where);
        item.append(entry.text, where);
        item.addEventListener("mousedown", (event) => event.preventDefault());
        item.addEventListener("click", () => go(entry));
        return item;
      }),
    );
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    list.hidden = !hits.length;
    field.setAttribute("aria-expanded", String(hits.length > 0));
    const more = ranked.length > MOST ? `, the first ${MOST} are listed` : "";
    count.textContent = asked.length ? `${ranked.length} found${more}` : "";
  };
  field.addEventListener("input", show);
  field.addEventListener("blur", close);
  field.addEventListener("focus", () => { if (field.value) show(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
    else if (event.key === "Enter" && hits.length) {
      event.preventDefault(); // which would otherwise act on the fold that is focused now
      go(hits[Math.max(chosen, 0)]);
    }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show();
      if (!hits.length) return;
      const step = event.key === "ArrowDown" ? 1 : -1;
      choose((chosen + step + hits.length + (chosen < 0 && step < 0 ? 1 : 0)) % hits.length);
    }
  });
  document.querySelector(".search").hidden = false;

  // Pictures are saved from the page itself, so that this also works without the files beside it.
  for (const link of all("a.picture")) {
    link.addEventListener("click", (event) => {
      const shown = link.closest("figure").querySelector("svg");
      const copy = shown.cloneNode(true);
      const [width, height] = copy.getAttribute("viewBox").split(/\s+/).slice(2);
      copy.setAttribute("width", `${width}pt`);
      copy.setAttribute("height", `${height}pt`);
      copy.setAttribute("style", "color: #222222; background: #ffffff");
      const text = new XMLSerializer().serializeToString(copy);
      const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
      const save = document.createElement("a");
      save.href = address;
      save.download = link.download.replace(/\.\w+$/, ".svg");
      save.click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
      event.preventDefault();
    });
  }
  follow();
}
