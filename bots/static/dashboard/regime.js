// What kind of market the chosen symbol is in, as the engine sees it: together, and on each timeframe.
import { find, h, keyed, put, toneClass } from "./dom.js";
import { percent, stamp, words } from "./format.js";
import { symbolKey } from "./store.js";

const MINUTES = { m: 1, h: 60, d: 1440 };
const TONES = { 1: "up", "-1": "down" };
const GLYPHS = { trend: { 1: "▲", "-1": "▼" }, range: "↔" };
const length = (frame) => Number.parseInt(frame, 10) * (MINUTES[frame.at(-1)] ?? 1);
const isKnown = ({ quality }) => quality > 0;
const lacks = ({ bars, bars_needed: needed }) => `needs ${needed} bars: ${bars} of ${needed}`;

export class Regime {
  #strip;
  #store;
  #chosen;

  constructor(strip, store, chosen) {
    this.#strip = strip;
    this.#store = store;
    this.#chosen = chosen;
    store.watch(["regimes", "bots"], () => this.render());
    addEventListener("zonechange", () => this.render());
  }

  render() {
    const { bot, symbol } = this.#chosen();
    const regime = bot && this.#store.regimes.get(symbolKey(bot.exchange, symbol));
    put(find("[data-f=regime]", this.#strip), regime && isKnown(regime) ? `Market: ${kind(regime)}` : "Market regime");
    put(find("[data-f=detail]", this.#strip), regime ? detail(regime) : absent(bot, symbol));
    const frames = Object.entries(regime?.timeframes ?? {}).sort(([a], [b]) => length(a) - length(b));
    keyed(find("[data-frames]", this.#strip), frames, { key: ([frame]) => frame, make: makeFrame, update: updateFrame });
  }
}

function absent(bot, symbol) {
  if (!bot) return "shows here as soon as there is a bot.";
  return `not known: no running bot's engine follows ${symbol ?? "a symbol"}. Start a bot on it.`;
}

/** "trend up", "range", "neutral": a direction is that of averages, and says most in a trend. */
function kind({ phase, direction }) {
  const way = { 1: "up", "-1": "down" }[direction];
  return way ? `${words(phase)}, averages ${way}` : words(phase);
}

function detail(regime) {
  if (!isKnown(regime)) return lacksMost(regime);
  return [
    regime.together ? `${regime.together.join(", ")} together` : "",
    `since ${stamp(regime.since).slice(0, -3)}`,
    `volatility ${words(regime.volatility)}`,
    `quality ${percent(regime.quality)}`,
  ].filter(Boolean).join(" · ");
}

/** What the timeframe that is furthest on still needs. */
function lacksMost(regime) {
  const waiting = (regime.together ?? []).map((frame) => [frame, regime.timeframes[frame]]).sort(([, a], [, b]) => b.bars - a.bars);
  const [first] = waiting;
  return first ? `${lacks(first[1])} of ${first[0]}` : lacks(regime);
}

const makeFrame = () => h("li", {}, h("span", { class: "frame" }), h("span", { class: "kind" }), h("span", { class: "wild" }));

function updateFrame(item, [frame, state]) {
  const known = isKnown(state);
  const glyph = state.phase === "trend" ? GLYPHS.trend[state.direction] : GLYPHS[state.phase];
  put(find(".frame", item), frame);
  put(find(".kind", item), known ? [glyph, words(state.phase)].filter(Boolean).join(" ") : lacks(state));
  put(find(".wild", item), known ? `vol ${words(state.volatility)}` : "");
  toneClass(find(".kind", item), known && state.phase === "trend" ? TONES[state.direction] : "");
  item.classList.toggle("absent", !known);
  item.title = known ? `${frame}: ${kind(state)}; ${detail(state)}` : `${frame}: ${lacks(state)}`;
}
