// A generated text, its tokens colored by their entropy, the answer marked.
const MOST_NATS = 2.5;
const QUANTITIES = {
  entropy: "entropy of the next token, nats",
  surprise: "-ln p of the token, nats (the engine shows no entropies)",
};

function legend(quantity) {
  return make("p", { class: "x-legend" },
    `${QUANTITIES[quantity]}: 0 `, make("span", { class: "x-scale", "aria-hidden": "true" }), ` ${MOST_NATS} or more. `,
    make("span", { class: "x-token x-answer" }, "answer token"), " ", make("mark", {}, "answer that was read"));
}

function colored(element, value, quantity) {
  if (value === null || value === undefined) return element;
  element.style.setProperty("--e", Math.round(Math.min(1, value / 100 / MOST_NATS) * 100) + "%");
  element.title = `${quantity} ${(value / 100).toFixed(2)} nats`;
  return element;
}

// A stretch of the text, the part of it that was read as the answer in a mark.
function marked(trace, begin, end) {
  const [first, last] = trace.answerSpan || [0, 0];
  const from = Math.max(begin, first);
  const to = Math.min(end, last);
  const { text } = trace;
  if (from >= to) return [text.slice(begin, end)];
  return [text.slice(begin, from), make("mark", {}, text.slice(from, to)), text.slice(to, end)];
}

function tokensOf(trace) {
  const body = make("div", { class: "x-text", tabindex: "0", role: "region", "aria-label": "Generated text" });
  let at = 0;
  trace.lengths.forEach((length, token) => {
    const answer = token === trace.answerToken;
    if (length > 0) {
      const element = make("span", { class: answer ? "x-token x-answer" : "x-token" }, marked(trace, at, at + length));
      body.append(colored(element, trace.values[token], trace.quantity));
      if (answer) element.title = `answer token; ${element.title}`;
    }
    at += length;
  });
  for (const part of marked(trace, at, trace.text.length)) if (part !== "") body.append(part instanceof Node ? part : shown(part));
  return body;
}

// Where the text cannot be divided into its tokens: a cell for each, in their order.
function strip(trace) {
  const known = trace.values.filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length / 100;
  const cells = trace.values.map((value, token) =>
    colored(make("span", { class: token === trace.answerToken ? "x-token x-answer" : "x-token" }, "\u00a0"), value, trace.quantity));
  const label = `${trace.quantity} of the ${trace.values.length} tokens in their order, ${mean.toFixed(2)} nats on average`;
  return make("div", { class: "x-strip", role: "img", "aria-label": label }, cells);
}

function traceOf(trace) {
  const parts = [make("p", { class: "note" }, trace.facts.join(", "))];
  if (trace.reasoning) {
    parts.push(make("details", {}, make("summary", {}, "reasoning, returned apart"), make("div", { class: "x-text" }, trace.reasoning)));
  }
  const known = trace.values.some((value) => value !== null);
  if (known) parts.push(legend(trace.quantity));
  if (known && !trace.lengths.length && trace.text !== "") {
    parts.push(make("p", { class: "note" }, "Where each token ends is not stored (collected by an older version), so the tokens are shown apart from the text:"), strip(trace));
  }
  parts.push(tokensOf(trace));
  return parts;
}
