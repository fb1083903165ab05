// The controls, the address of a question (#q=70), and what ties list and question together.
const names = ["entry", "text", "topic", "outcome", "answer", "gold", "score", "from", "to", "compare", "flip", "sort", "order"];
const field = Object.fromEntries(names.map((name) => [name, byId(name)]));
let entry = null;
let other = null;
let rows = [];
let opened = -1;
let turn = 0;

function choices(select, options, chosen = "") {
  const groups = options.map(([value, text]) => make("option", { value, selected: value === chosen }, text));
  select.replaceChildren(...groups);
}

function address(of, id) {
  const first = entries.find((one) => !one.rowOf || one.rowOf.has(id));
  const place = first === of && of.place === 0 ? "" :
    `&model=${encodeURIComponent(of.raw.model)}&task=${encodeURIComponent(of.raw.task)}`;
  return `#q=${encodeURIComponent(id)}${place}`;
}

function fill() {
  const { raw } = entry;
  const options = raw.labels.map((label, option) => [String(option), label]);
  choices(field.topic, [["", "all"], ...raw.topics.names.map((name, code) => [String(code), name])]);
  choices(field.answer, [["", "all"], ...options, ["-1", "none"]]);
  choices(field.gold, [["", "all"], ...options]);
  byId("strata").replaceChildren(...raw.strata.map((one) => {
    const select = make("select", { "data-stratum": true });
    choices(select, [["", "all"], ...one.values.map((value, code) => [String(code), value])]);
    return make("label", {}, `${one.name} `, select);
  }));
  const scores = raw.estimators.map((name, place) => [String(place), name]);
  choices(field.score, [["", "none"], ...scores]);
  choices(field.sort, [["", "stored order"], ["id", "id"], ["topic", "topic"],
    ...scores.map(([place, name]) => [`score:${place}`, name])]);
  const prompts = raw.prompted.map((one, place) => [`prompt:${place}`, `prompt ${one.name}`]);
  const others = entries.filter((one) => one !== entry).map((one) => [`entry:${one.place}`, one.name]);
  choices(field.compare, [["", "nothing"], ...others, ...prompts]);
  for (const part of ["compare", "flip"]) byId(`${part}-label`).hidden = !(others.length + prompts.length);
}

function state() {
  const given = Object.fromEntries(names.map((name) => [name, field[name].value]));
  const number = (text, none) => (text === "" || Number.isNaN(Number(text)) ? none : Number(text));
  const strata = Array.from(byId("strata").querySelectorAll("select"), (select) => select.value);
  return { ...given, from: number(given.from, 0), to: number(given.to, 100), strata };
}

// The score that rows show: the one to sort by, else the one to filter by.
function shownScore() {
  const { sort, score } = field;
  if (sort.value.startsWith("score:")) return Number(sort.value.slice(6));
  return score.value === "" ? -1 : Number(score.value);
}

function draw(element, row) {
  if (!element.firstChild) {
    element.append(...["mark", "id", "answer", "score", "topic", "begin"].map((name) => make("span", { class: `x-${name}` })));
  }
  const [mark, id, answer, score, topic, begin] = element.children;
  const outcome = entry.correct[row];
  mark.textContent = MARKS[outcome];
  mark.className = `x-mark x-${OUTCOMES[outcome]}`;
  id.textContent = shown(entry.ids[row]);
  const there = other && other.answer[row] !== -2 ? ` | ${other.label(other.answer[row])} ${MARKS[other.right[row]]}` : "";
  const gold = outcome === 1 || entry.gold[row] < 0 ? "" : ` (right: ${entry.label(entry.gold[row])})`;
  answer.textContent = shown(`${entry.label(entry.answer[row])}${gold}${there}`);
  const place = shownScore();
  score.textContent = place < 0 ? "" : figures(entry.score(place)[row], 3);
  topic.textContent = shown(entry.raw.topics.names[entry.topic[row]] ?? "");
  begin.textContent = shown(entry.beginnings[row]);
  element.classList.toggle("x-opened", row === opened);
}

async function apply() {
  const mine = ++turn;
  const now = state();
  try {
    other = now.compare === "" ? null : await answersOf(entry, now.compare);
  } catch (error) {
    byId("state").textContent = shown(error.message);
    return;
  }
  if (mine !== turn) return;
  field.flip.disabled = !other;
  field.order.disabled = now.sort === "";
  rows = chosenRows(entry, now, other);
  const compared = other ? `; behind | the answer of ${field.compare.selectedOptions[0].textContent}` : "";
  byId("count").textContent = `${counted(rows.length)} of ${counted(entry.n)} questions${compared}`;
  byId("none").hidden = rows.length > 0;
  list.show(rows, opened);
}

async function choose(place) {
  entry = entries[place];
  field.entry.value = String(place);
  await entry.load();
  opened = -1;
  fill();
  await apply();
}

const question = byId("question");
const narrow = matchMedia("(max-width: 60rem)");
async function open(row, focus = true) {
  opened = row;
  const mine = entry;
  list.paint();
  const there = address(entry, entry.ids[row]);
  if (location.hash !== there) history.replaceState(null, "", there);
  let parts;
  try {
    parts = await questionOf(entry, row, address);
  } catch (error) {
    parts = [make("p", { role: "alert" }, `This question cannot be shown. ${error.message}`)];
  }
  if (mine !== entry || row !== opened) return;
  question.replaceChildren(...parts);
  question.scrollTop = 0;
  question.dataset.row = row;
  if (focus && narrow.matches) question.scrollIntoView({ block: "start" });
}

// Opens the question that the address names, if it names one.
async function follow() {
  const given = new URLSearchParams(location.hash.slice(1));
  const id = given.get("q");
  if (id === null) return false;
  const fits = entries.filter((one) =>
    (given.get("model") ?? one.raw.model) === one.raw.model && (given.get("task") ?? one.raw.task) === one.raw.task);
  for (const one of fits) {
    if (!(await one.core()).rowOf.has(id)) continue;
    if (one !== entry) await choose(one.place);
    const row = one.rowOf.get(id);
    if (!rows.includes(row)) reset();
    await open(row, false);
    list.show(rows, row);
    byId("state").textContent = "";
    (narrow.matches ? question : byId("title")).scrollIntoView({ block: "start" });
    return true;
  }
  if (!entry) await choose(0);
  byId("state").textContent = shown(`No question ${id} is in this report.`);
  byId("title").scrollIntoView({ block: "start" });
  return true;
}

const form = byId("filters");
const fold = byId("fold");
const reset = () => form.reset();

const list = new List(byId("list"), draw, open);
byId("again").addEventListener("click", reset);
form.addEventListener("reset", (event) => {
  event.preventDefault();
  for (const select of form.querySelectorAll("select")) if (select !== field.entry) select.selectedIndex = 0;
  [field.text.value, field.from.value, field.to.value] = ["", "0", "100"];
  apply();
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => (event.target === field.entry ? choose(Number(field.entry.value)) : apply()));
window.addEventListener("hashchange", follow);

(async () => {
  try {
    choices(field.entry, entries.map((one) => [String(one.place), one.name]), "0");
    byId("panes").hidden = fold.hidden = false;
    fold.open = !narrow.matches;
    if (!(await follow())) {
      await choose(0);
      byId("state").textContent = "";
    }
    document.getElementById("explorer").dataset.ready = "yes";
  } catch (error) {
    byId("panes").hidden = fold.hidden = true;
    byId("state").textContent = shown(`The questions cannot be shown. ${error.message}`);
    document.getElementById("explorer").dataset.ready = "failed";
  }
})();
