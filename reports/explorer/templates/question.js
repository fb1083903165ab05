// One question with all that is stored of it.
const OUTCOMES = { "-1": "unknown", 0: "wrong", 1: "right" };
const MARKS = { "-1": "?", 0: "✗", 1: "✓" };

function table(title, heads, rows) {
  if (!rows.length) return null;
  const head = make("tr", {}, heads.map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((cells) =>
    make("tr", {}, cells.map((cell, column) =>
      column ? make("td", {}, cell) : make("th", { scope: "row" }, cell))));
  return make("section", {}, make("h4", {}, title),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      make("table", { class: "x-table" }, make("thead", {}, head), make("tbody", {}, body))));
}

function bar(percent, text) {
  const fill = make("span", { class: "x-fill", "aria-hidden": "true" });
  fill.style.width = `${percent}%`;
  return make("span", { class: "x-bar" }, fill, make("span", { class: "x-value" }, text));
}

function optionsOf(entry, row, text, detail) {
  const chances = detail?.probabilities || [];
  const names = text?.[1] || [];
  const count = Math.max(chances.length, names.length, entry.gold[row] + 1, entry.answer[row] + 1);
  const rows = Array.from({ length: count }, (_, option) => {
    const notes = [entry.gold[row] === option ? "right" : "", entry.answer[row] === option ? "answered" : ""];
    const chance = chances[option];
    const known = chance !== null && chance !== undefined;
    return [entry.label(option), names[option] ?? "", known ? bar(100 * chance, figures(chance, 3)) : "–",
      notes.filter(Boolean).map((note) => make("span", { class: `x-note x-${note}` }, note))];
  });
  return table("Options", ["label", "option", "probability", ""], rows);
}

function outcomeOf(entry, row, detail) {
  const gold = entry.gold[row] >= 0 ? `the right option is ${entry.label(entry.gold[row])}` : "the right option is not stored";
  const rule = detail?.rule ? `, read by ${detail.rule}` : "";
  const given = entry.answer[row] >= 0 ? `Answered ${entry.label(entry.answer[row])}` : "No answer";
  const status = entry.statusOf(row).replaceAll("_", " ");
  return make("p", {}, make("strong", {}, `${MARKS[entry.correct[row]]} ${OUTCOMES[entry.correct[row]]}`), `. ${given}; ${gold}. Status: ${status}${rule}.`);
}

function samplesOf(entry, row, detail) {
  return (detail.samples || []).map((sample) => {
    const counts = new Map();
    for (const answer of sample.answers) counts.set(answer, (counts.get(answer) || 0) + 1);
    const all = sample.answers.length;
    const rows = [...counts].sort((a, b) => b[1] - a[1]).map(([option, count]) =>
      [entry.label(option), bar((100 * count) / all, `${count} of ${all}`), option === entry.gold[row] ? "right" : ""]);
    const texts = sample.texts.map((text, place) => text === null ? null :
      make("details", {}, make("summary", {}, `sample ${place + 1}: ${entry.label(sample.answers[place])}`), make("div", { class: "x-text" }, text)));
    const title = `Samples, ${sample.variant}, temperature ${figures(sample.temperature)}`;
    return [table(title, ["answer", "samples", ""], rows), ...texts];
  }).flat();
}

function answersIn(entry, row, title, head, answers) {
  const rows = (answers || []).map(([name, answer, chances]) => [name,
    `${entry.label(answer)} ${entry.gold[row] < 0 ? "" : MARKS[Number(answer === entry.gold[row])]}`,
    answer === entry.answer[row] ? "" : "another answer",
    chances.map((chance, option) => `${entry.label(option)} ${figures(chance, 2)}`).join("  ")]);
  return table(title, [head, "answer", "", "probabilities of the original options"], rows);
}

// What someone says about the answer or the question: a line of what was read, and the words.
function said(title, ones) {
  if (!ones.length) return null;
  return make("section", {}, make("h4", {}, title), ones.map(([head, facts, words]) => [
    make("p", { class: "x-said" }, make("strong", {}, head), ` ${facts.filter(Boolean).join(" · ")}`),
    words.some(Boolean) ? make("div", { class: "x-text" }, words.filter(Boolean).join("\n")) : null,
  ]).flat());
}

function wordsOf(detail) {
  const statements = (detail.statements || []).map((one) =>
    [one.variant, [`confidence ${figures(one.value)}`, one.reason], [one.text]]);
  const judged = (detail.judgements || []).map((one) =>
    [`${one.questionnaire}, ${one.judge}`,
      [`value ${figures(one.value)}`, one.labels.join(", "), `rating ${figures(one.rating)}`, one.reason],
      [one.text, one.ratingText]]);
  return [said("What the model states about its answer", statements), said("What judges say", judged)];
}

const breakable = (name) => make("span", {}, name.split("_").flatMap((part, place) => (place ? ["_", make("wbr"), part] : [part])));

function scoresOf(entry, row, detail) {
  const rows = entry.raw.estimators.map((name, place) => {
    const value = entry.score(place)[row];
    const share = entry.percentile(place)[row];
    const missing = Number.isNaN(value);
    return [breakable(name), missing ? "–" : figures(value),
      missing ? detail?.reasons?.[name] ?? "no score; no reason is stored" : bar(share, `${share.toFixed(1)} %`)];
  });
  const found = table("Scores", ["estimator", "score", "percentile or reason"], rows);
  found?.append(make("p", { class: "note" }, "Higher = more uncertain. Percentile: share of the questions of this model and task with a score that have a lower one; equal ones do not count as lower."));
  return found;
}

// The other models and tasks that were asked this question.
async function elsewhere(entry, row, address) {
  const others = entries.filter((other) => other !== entry);
  await Promise.all(others.map((other) => other.core()));
  const rows = others.map((other) => {
    const there = other.rowOf.get(entry.ids[row]);
    if (there === undefined) return null;
    return [make("a", { href: address(other, entry.ids[row]) }, other.name),
      `${other.label(other.answer[there])} ${MARKS[other.correct[there]]}`];
  });
  return table("Other models and tasks on this question", ["model and task", "answer"], rows.filter(Boolean));
}

async function questionOf(entry, row, address) {
  const [text, detail] = await Promise.all([piece(entry.raw.texts, row),
    row < entry.raw.detailed ? piece(entry.raw.details, row) : Promise.resolve(null)]);
  const id = entry.ids[row];
  const parts = [
    make("h3", {}, `Question ${id}`),
    make("p", { class: "note" }, `${entry.raw.topics.names[entry.topic[row]] ?? ""} · ${entry.name} · `,
      make("a", { href: address(entry, id) }, "link to this question")),
    make("p", { class: "x-stem" }, text?.[0] ?? "The text of the question is not stored."),
    outcomeOf(entry, row, detail),
    optionsOf(entry, row, text, detail),
  ];
  if (!detail) {
    parts.push(make("p", { class: "note" }, `Details are here for the first ${counted(entry.raw.detailed)} questions only, since those of all would exceed the size of the explorer; the command apprehend show prints them for every question.`));
  } else {
    if (detail.trace) parts.push(make("section", {}, make("h4", {}, "Generated text"), traceOf(detail.trace)));
    parts.push(...samplesOf(entry, row, detail),
      answersIn(entry, row, "Other orders of the options", "shift", detail.orders),
      answersIn(entry, row, "Other prompts", "prompt", detail.prompted), ...wordsOf(detail));
  }
  const strata = entry.raw.strata.map((one, place) => entry.strata[place][row] < 0 ? null : `${one.name} = ${one.values[entry.strata[place][row]]}`);
  if (strata.some(Boolean)) parts.push(make("p", { class: "note" }, `Strata: ${strata.filter(Boolean).join(", ")}.`));
  parts.push(scoresOf(entry, row, detail), await elsewhere(entry, row, address));
  const notes = entry.raw.notes.map((note) => make("li", {}, note));
  if (notes.length) parts.push(make("ul", { class: "note" }, notes));
  return parts.filter(Boolean);
}
