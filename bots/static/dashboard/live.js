// Entry of the live page: introduces the parts to each other.
import { get, rows } from "./api.js";
import { BotCards } from "./bots.js";
import { Chart, library, SECONDS } from "./chart.js";
import { places, toFloat } from "./decimal.js";
import { find, h, keyed, put, toneClass } from "./dom.js";
import { price } from "./format.js";
import { Log } from "./log.js";
import { open } from "./page.js";
import { exchangeOf } from "./pnl.js";
import { Positions } from "./positions.js";
import { Regime } from "./regime.js";
import { Signals } from "./signals.js";
import { symbolKey } from "./store.js";

const { store, socket } = open({ channels: ["bots", "orders", "positions", "feeds"] });
store.followsPrices = true;
get("/api/v1/symbols").then((answer) => store.learn(rows(answer)), () => {});

const panel = find(".chart-panel");
const symbols = find("[data-symbols]");
const timeframes = find("[data-timeframes]");
const remembered = JSON.parse(localStorage.getItem("live") || "{}");
const view = { bot: null, symbol: null, timeframe: SECONDS[remembered.timeframe] ? remembered.timeframe : "1m" };
let chart = null;
let candleChannel = null;

const chosenBot = () => store.bots.get(view.bot);
const chosen = () => ({ bot: chosenBot(), symbol: view.symbol });
const key = () => symbolKey(chosenBot()?.exchange ?? "", view.symbol ?? "");

/** How many digits a price of the symbol has: by its tick size, else as the newest price came. */
function digits(exchange, symbol) {
  const instrument = store.instruments.get(symbolKey(exchange, symbol));
  const tick = instrument?.tick_size ?? store.prices.get(symbolKey(exchange, symbol))?.price;
  return tick === undefined ? 2 : Math.min(places(tick), 10);
}

const cards = new BotCards(find("[data-bots]"), find("[data-bot-choice]"), store, (id) => choose({ bot: id }));
new Positions(find("[data-positions]"), store, { digits, onChoose: ({ bot_id: bot, symbol }) => cards.choose(bot) ?? choose({ bot, symbol }) });
const signals = new Signals(find(".signals"), store, chosen);
const regime = new Regime(find("[data-regime]"), store, chosen);
new Log(find("[data-log]"), store);

function choose({ bot = view.bot, symbol, timeframe = view.timeframe }) {
  const row = store.bots.get(bot);
  if (!row) return;
  const held = [...store.positions.values()].find((position) => position.bot_id === bot)?.symbol;
  const watched = row.symbols ?? [];
  const next = symbol ?? (bot === view.bot && watched.includes(view.symbol) ? view.symbol : (held ?? row.last_decision?.symbol ?? watched[0]));
  Object.assign(view, { bot, symbol: next, timeframe });
  localStorage.setItem("live", JSON.stringify(view));
  followPrices();
  drawPickers();
  showChart();
  signals.render();
  regime.render();
  drawQuote();
}

function followPrices() {
  const every = new Set([...store.bots.values()].flatMap((bot) => (bot.symbols ?? []).map((symbol) => `prices:${bot.exchange}:${symbol}`)));
  for (const position of store.positions.values()) every.add(`prices:${exchangeOf(position, store)}:${position.symbol}`);
  const candles = view.symbol ? `candles:${chosenBot().exchange}:${view.symbol}:${view.timeframe}` : null;
  if (candleChannel && candleChannel !== candles) socket.unsubscribe([candleChannel]);
  candleChannel = candles;
  socket.subscribe([...every, candles].filter(Boolean));
}

function drawPickers() {
  const watched = chosenBot()?.symbols ?? [];
  const listed = watched.includes(view.symbol) || !view.symbol ? watched : [view.symbol, ...watched];
  keyed(symbols, listed, { key: (symbol) => symbol, make: (symbol) => h("option", { value: symbol }, symbol) });
  if (view.symbol) symbols.value = view.symbol;
  for (const button of timeframes.children) button.setAttribute("aria-pressed", String(button.dataset.timeframe === view.timeframe));
}

async function showChart() {
  if (!chart || !view.symbol) return;
  const { exchange } = chosenBot();
  await chart.show({ exchange, symbol: view.symbol, timeframe: view.timeframe, digits: digits(exchange, view.symbol) });
  drawFills();
  drawLines();
}

function drawFills() {
  const mine = store.fills.filter((fill) => fill.bot_id === view.bot && fill.symbol === view.symbol);
  chart?.fills(mine.map(({ at, side, price: paid, order_id: id }) => ({ id, at, side, price: paid })));
}

// A stop that stands past the entry can only have been trailed there.
function movedFromStart({ side, stop_price: stop, entry_price: entry }) {
  return side === "sell" ? toFloat(stop) < toFloat(entry) : toFloat(stop) > toFloat(entry);
}

function drawLines() {
  const position = [...store.positions.values()].find(({ bot_id: bot, symbol }) => bot === view.bot && symbol === view.symbol);
  const stop = toFloat(position?.stop_price);
  const trails = position && movedFromStart(position);
  chart?.lines(position ? { entry: toFloat(position.entry_price), target: toFloat(position.target_price), [trails ? "trail" : "stop"]: stop } : null);
  const shown = digits(chosenBot()?.exchange, view.symbol);
  const levels = { entry: position?.entry_price, target: position?.target_price, stop: trails ? null : position?.stop_price, trail: trails ? position.stop_price : null };
  for (const [name, level] of Object.entries(levels)) {
    const legend = find(`.key[data-line=${name}]`);
    legend.hidden = !level;
    if (level) put(find("b", legend), price(level, shown));
  }
}

// The tick size may arrive after the chart.
store.watch(["instruments"], () => showChart());

function drawQuote() {
  const quote = store.prices.get(key());
  const [last, bid, ask] = ["last", "bid", "ask"].map((name) => find(`[data-quote=${name}]`));
  const shown = digits(chosenBot()?.exchange, view.symbol);
  const moved = toFloat(quote?.price) - toFloat(quote?.before);
  if (put(last, quote ? price(quote.price, shown) : "–")) toneClass(last, moved > 0 ? "up" : moved < 0 ? "down" : "");
  put(bid, quote?.bid ? price(quote.bid, shown) : "–");
  put(ask, quote?.ask ? price(quote.ask, shown) : "–");
}

symbols.addEventListener("change", () => choose({ symbol: symbols.value }));
timeframes.addEventListener("click", ({ target }) => target.dataset.timeframe && choose({ symbol: view.symbol, timeframe: target.dataset.timeframe }));
store.watch(["prices"], () => {
  const quote = store.prices.get(key());
  drawQuote();
  if (quote?.heardAt) chart?.tick(quote, store.now());
});
store.watch(["positions"], drawLines);
store.watch(["fills"], drawFills);
store.watch(["bots"], () => (view.bot === null ? begin() : drawPickers()));
store.onCandle = (candle) => {
  if (candle.timeframe === view.timeframe && symbolKey(candle.exchange, candle.symbol) === key()) chart?.candle(candle);
};

function begin() {
  const bots = [...store.bots.values()];
  const first = bots.find(({ id }) => id === remembered.bot) ?? bots.find(({ state }) => state === "running") ?? bots[0];
  symbols.disabled = !first;
  if (!first) return chart?.say("No chart yet.", "The chart of a bot's symbol shows here as soon as there is a bot.");
  view.symbol = first.id === remembered.bot ? remembered.symbol : null;
  view.bot = first.id;
  cards.choose(first.id);
}

const charts = await library(panel.dataset.library);
find("[data-no-library]").hidden = Boolean(charts);
if (charts) chart = new Chart(charts, panel, store.mode.toUpperCase());
begin();
document.body.dataset.ready = "true";
