// One model on one task: who was asked what, and how it ended. Rows are in the stored order.
const UNREAD = ["unparsed", "cut_while_thinking"];
class Entry {
  constructor(raw, place) {
    this.raw = raw;
    this.place = place;
    this.n = raw.n;
    this.name = `${raw.model} on ${raw.task}`;
    this.percentiles = new Map();
    this.sorted = new Map();
  }

  // What comparisons need.
  core() {
    this.coreRead ??= (async () => {
      const { raw } = this;
      [this.ids, this.gold, this.answer, this.correct] = await Promise.all([
        json(raw.ids), numbers(raw.gold, Int8Array), numbers(raw.answer, Int8Array), numbers(raw.correct, Int8Array),
      ]);
      this.rowOf = new Map(this.ids.map((id, row) => [id, row]));
      return this;
    })();
    return this.coreRead;
  }

  load() {
    this.read ??= (async () => {
      const { raw } = this;
      const codes = (part) => numbers(part.codes, Int16Array);
      await this.core();
      [this.beginnings, this.topic, this.status, this.scores, this.strata, this.prompted] = await Promise.all([
        json(raw.beginnings), codes(raw.topics), numbers(raw.status.codes, Int8Array), numbers(raw.scores, Float32Array),
        Promise.all(raw.strata.map(codes)),
        Promise.all(raw.prompted.map((one) => numbers(one.answer, Int8Array))),
      ]);
      return this;
    })();
    return this.read;
  }

  score(estimator) {
    return this.scores.subarray(estimator * this.n, (estimator + 1) * this.n);
  }

  statusOf(row) {
    return this.raw.status.names[this.status[row]] ?? "unknown";
  }

  label(option) {
    return option >= 0 ? this.raw.labels[option] ?? `option ${option + 1}` : "none";
  }

  // Share of the scored questions with a lower score, in percent; NaN without a score.
  percentile(estimator) {
    let found = this.percentiles.get(estimator);
    if (found) return found;
    const values = this.score(estimator);
    const known = values.filter((value) => !Number.isNaN(value)).sort();
    found = values.map((value) => {
      if (Number.isNaN(value)) return NaN;
      let low = 0;
      for (let high = known.length; low < high; ) {
        const middle = (low + high) >> 1;
        if (known[middle] < value) low = middle + 1;
        else high = middle;
      }
      return (100 * low) / known.length;
    });
    this.percentiles.set(estimator, found);
    return found;
  }

  // All rows by a key; those without a value come last either way.
  order(key, down) {
    const name = `${key} ${down}`;
    if (this.sorted.has(name)) return this.sorted.get(name);
    const rows = Array.from({ length: this.n }, (_, row) => row);
    if (key.startsWith("score:")) {
      const values = this.score(Number(key.slice(6)));
      const sign = down ? -1 : 1;
      const known = rows.filter((row) => !Number.isNaN(values[row]));
      known.sort((a, b) => sign * (values[a] - values[b]) || a - b);
      const found = [...known, ...rows.filter((row) => Number.isNaN(values[row]))];
      this.sorted.set(name, found);
      return found;
    }
    if (key === "id") {
      const collator = new Intl.Collator("en", { numeric: true });
      rows.sort((a, b) => collator.compare(this.ids[a], this.ids[b]));
    } else if (key === "topic") {
      rows.sort((a, b) => this.topic[a] - this.topic[b] || a - b);
    }
    if (down && key !== "") rows.reverse();
    this.sorted.set(name, rows);
    return rows;
  }

  words() {
    this.lower ??= this.ids.map((id, row) => `${id} ${this.beginnings[row]}`.toLowerCase());
    return this.lower;
  }
}
const entries = index.entries.map((raw, place) => new Entry(raw, place));

// The answers that an entry is compared with, in its rows: -2 where the question was not asked.
async function answersOf(entry, choice) {
  const [kind, number] = choice.split(":");
  if (kind === "prompt") {
    const answer = entry.prompted[Number(number)];
    const right = answer.map((own, row) => (entry.gold[row] < 0 ? -1 : Number(own === entry.gold[row])));
    return { answer, right, label: (option) => entry.label(option) };
  }
  const other = await entries[Number(number)].core();
  const answer = new Int8Array(entry.n).fill(-2);
  const right = new Int8Array(entry.n).fill(-1);
  for (let row = 0; row < entry.n; row++) {
    const there = other.rowOf.get(entry.ids[row]);
    if (there === undefined) continue;
    answer[row] = other.answer[there];
    right[row] = other.correct[there];
  }
  return { answer, right, label: (option) => other.label(option) };
}

const FLIPS = {
  changed: (same) => !same,
  lost: (same, here, there) => here === 1 && there === 0,
  gained: (same, here, there) => here === 0 && there === 1,
  wrong: (same, here, there) => !same && here === 0 && there === 0,
};

// The rows that the filters leave, in the order asked for.
function chosenRows(entry, state, other) {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = words.length ? entry.words() : null;
  const tests = [];
  if (texts) tests.push((row) => words.every((word) => texts[row].includes(word)));
  if (state.topic !== "") {
    const code = Number(state.topic);
    tests.push((row) => entry.topic[row] === code);
  }
  if (state.outcome === "right") tests.push((row) => entry.correct[row] === 1);
  if (state.outcome === "wrong") tests.push((row) => entry.correct[row] === 0);
  if (state.outcome === "unread") tests.push((row) => UNREAD.includes(entry.statusOf(row)));
  if (state.outcome === "dont_know") tests.push((row) => entry.statusOf(row) === "dont_know");
  for (const name of ["answer", "gold"]) {
    if (state[name] === "") continue;
    const option = Number(state[name]);
    tests.push((row) => entry[name][row] === option);
  }
  state.strata.forEach((value, place) => {
    if (value === "") return;
    const code = Number(value);
    tests.push((row) => entry.strata[place][row] === code);
  });
  if (state.score !== "" && (state.from > 0 || state.to < 100)) {
    const share = entry.percentile(Number(state.score));
    tests.push((row) => share[row] >= state.from && share[row] <= state.to);
  }
  if (other && state.flip !== "") {
    const flipped = FLIPS[state.flip];
    tests.push((row) => {
      const there = other.answer[row];
      return there !== -2 && flipped(entry.answer[row] === there, entry.correct[row], other.right[row]);
    });
  }
  return entry.order(state.sort, state.order === "down").filter((row) => tests.every((test) => test(row)));
}
