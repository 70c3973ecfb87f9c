// The seven signals of the chosen bot and symbol, the blend against its threshold, and what would make it trade.
import { find, h, keyed, put } from "./dom.js";
import { age, componentName, millis, minus, percent, score, sentence, withoutAction, words } from "./format.js";

const SEVEN = ["technical", "speed", "microstructure", "oi", "options", "sentiment", "volatility"];
const ALIASES = { open_interest: "oi", options_flow: "options" };
const canonical = (name) => ALIASES[name] ?? name;

export class Signals {
  #panel;
  #store;
  #chosen = () => ({});

  constructor(panel, store, chosen) {
    this.#panel = panel;
    this.#store = store;
    this.#chosen = chosen;
    store.watch(["decisions", "bots"], () => this.render());
    setInterval(() => this.#ages(), 1000);
  }

  render() {
    const { bot, symbol } = this.#chosen();
    const decision = bot && this.#store.decisions.get(`${bot.id}:${symbol}`);
    find("[data-empty]", this.#panel).hidden = Boolean(decision);
    find("[data-full]", this.#panel).hidden = !decision;
    put(find("[data-which]", this.#panel), bot && symbol ? `${bot.name} on ${symbol}` : "");
    if (!decision) {
      put(find("[data-empty] span", this.#panel), this.#awaited(bot, symbol));
      return;
    }
    const components = allSeven(decision.components ?? []);
    keyed(find("tbody", this.#panel), components, { key: ({ name, timeframe }) => `${name}${timeframe ?? ""}`, make: makeRow, update: updateRow });
    this.#total(decision);
    this.#words(decision);
    this.#checks(decision);
    this.#ages();
  }

  #awaited(bot, symbol) {
    if (!bot) return "The signals of a bot show here from its first evaluation on.";
    if (bot.state === "stopped") return `${bot.name} is stopped. Start it, and its first evaluation of ${symbol ?? "its symbol"} shows here.`;
    return `Waiting for the first evaluation of ${symbol ?? "the symbol"} by ${bot.name}.`;
  }

  #total(decision) {
    const { signal, confidence, coverage, multiplier, threshold } = decision;
    const level = levelOf(decision);
    const blend = find("[data-blend]", this.#panel);
    bar(find(".meter", blend), signal);
    const [low, high] = blend.querySelectorAll("u");
    for (const [mark, at] of [[low, -level], [high, level]]) {
      mark.hidden = level === null;
      mark.style.setProperty("--at", at);
    }
    put(find("[data-f=signal]", blend), score(signal, 3));
    put(find("[data-f=level]", blend), level === null ? "" : `≥ ${level.toFixed(2)}`);
    const certain = find("[data-confidence]", this.#panel);
    bar(find(".meter", certain), confidence);
    const mark = find("u", certain);
    mark.hidden = threshold === null || threshold === undefined;
    mark.style.setProperty("--at", threshold ?? 0);
    put(find("[data-f=confidence]", certain), percent(confidence, 0));
    put(find("[data-f=threshold]", certain), threshold === null || threshold === undefined ? "" : `≥ ${percent(threshold)}`);
    put(find("[data-f=coverage]", this.#panel), `Coverage ${percent(coverage)}`);
    put(find("[data-f=multiplier]", this.#panel), `Diversification ×${multiplier ? Number(multiplier).toFixed(2) : "1.00"}`);
  }

  #words(decision) {
    const glyph = { buy: "▲", sell: "▼", hold: "■" }[decision.action] ?? "■";
    const verdict = { approved: "approved", rejected: "refused", hold: "" }[decision.verdict] ?? decision.verdict;
    put(find("[data-f=action]", this.#panel), `${glyph} ${words(decision.action).toUpperCase()}${verdict ? `, ${verdict}` : ""}`);
    const refused = decision.verdict === "rejected" ? (decision.reasons ?? []).map(({ text }) => text).join("; ") : "";
    const said = [decision.outlook && refused.startsWith(decision.outlook) ? "" : refused, decision.outlook || withoutAction(decision.reasoning)];
    put(find("[data-f=outlook]", this.#panel), said.map(sentence).join(" ").trim());
    const link = find("[data-trace]", this.#panel);
    link.hidden = !decision.decision_id;
    if (decision.decision_id) link.href = `/decisions/${decision.decision_id}/`;
  }

  #checks(decision) {
    keyed(find("[data-checks]", this.#panel), decision.validators ?? [], {
      key: ({ code }) => code,
      make: () => h("span", { class: "check" }),
      update: (check, { code, passed, text }) => {
        check.classList.toggle("failed", !passed);
        put(check, passed ? words(code) : minus(text) || words(code));
        check.title = minus(text);
      },
    });
    find("[data-checks]", this.#panel).hidden = !(decision.validators ?? []).length;
  }

  #ages() {
    const { bot, symbol } = this.#chosen();
    const decision = bot && this.#store.decisions.get(`${bot.id}:${symbol}`);
    if (!decision) return;
    const decided = millis(decision.ts_event) || decision.heardAt;
    const since = this.#store.now() - decided;
    put(find("[data-f=decided]", this.#panel), `${words(decision.trigger)}, ${age(since)}${since < 1000 ? "" : " ago"}`);
    for (const row of find("tbody", this.#panel).children)
      if (row.dataset.age) put(find(".c-age", row), age(Number(row.dataset.age) + Math.max(since, 0)));
  }
}

// Confidence grows in proportion to the blend, so what it lacks tells what the blend must reach.
function levelOf({ signal, confidence, threshold }) {
  if (!threshold || !signal || !confidence || confidence >= 1) return null;
  return Math.min(1, (Math.abs(signal) * threshold) / confidence);
}

function allSeven(components) {
  const byName = new Map();
  for (const component of components) {
    const name = canonical(component.name);
    byName.set(name, [...(byName.get(name) ?? []), { ...component, name }]);
  }
  const extra = [...byName.keys()].filter((name) => !SEVEN.includes(name));
  return [...SEVEN, ...extra].flatMap((name) => byName.get(name) ?? [{ name, value: null, reason: "not evaluated by this bot" }]);
}

function makeRow() {
  return h(
    "tr",
    {},
    h("td", { class: "name" }),
    h("td", { class: "c-num weight" }),
    h("td", { class: "picture" }, h("span", { class: "meter" }, h("i")), h("span", { class: "why" })),
    h("td", { class: "c-num value" }),
    h("td", { class: "c-num c-contribution contribution" }),
    h("td", { class: "c-num quality" }),
    h("td", { class: "c-age" }),
  );
}

function updateRow(row, component) {
  const missing = component.value === null || component.value === undefined;
  row.classList.toggle("absent", missing);
  put(find(".name", row), componentName(component.name) + (component.timeframe ? ` ${component.timeframe}` : ""));
  put(find(".weight", row), percent(component.weight));
  find(".meter", row).hidden = missing;
  put(find(".why", row), missing ? `no data: ${minus(component.reason || "nothing received yet").replace(/^no data: /, "")}` : "");
  find(".why", row).title = missing ? minus(component.reason) : "";
  if (!missing) bar(find(".meter", row), component.value);
  put(find(".value", row), missing ? "–" : score(component.value));
  put(find(".contribution", row), missing ? "–" : score(component.contribution, 3));
  put(find(".quality", row), missing ? "–" : percent(component.quality));
  find(".name", row).title = parts(component);
  if (missing || component.age_ms === null || component.age_ms === undefined) {
    delete row.dataset.age;
    put(find(".c-age", row), "–");
  } else row.dataset.age = component.age_ms;
}

function parts({ parts: inside, n_obs: count, reason }) {
  const pairs = Array.isArray(inside) ? inside.map((part) => [part.name, part.value]) : Object.entries(inside ?? {});
  const said = pairs.map(([name, value]) => `${words(name)} ${typeof value === "number" ? score(value) : (value ?? "–")}`);
  return [...said, count ? `${count} observations` : "", reason].filter(Boolean).join("\n");
}

export function bar(meter, value) {
  const fill = meter.querySelector("i");
  const size = Math.min(1, Math.abs(Number(value) || 0));
  fill.dataset.sign = value < 0 ? "-" : "+";
  fill.style.setProperty("--v", size.toFixed(4));
}
