// The chart of one symbol: candles, volume, fills at their price, and the lines of the open position.
import { get, rows } from "./api.js";
import { toFloat } from "./decimal.js";
import { find, h, put } from "./dom.js";
import { clock, millis, percent, price, toneOfScore, zone } from "./format.js";

export const SECONDS = { "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600 };
const LINES = { entry: ["--ink", "Entry", 0], stop: ["--down", "Stop", 2], target: ["--up", "Target", 2], trail: ["--warn", "Trail", 1] };
const LIMIT = 500;

/** Resolved colours: the canvas cannot read custom properties. */
function colours() {
  const probe = document.body.appendChild(h("i", { hidden: true }));
  const of = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = Object.fromEntries(["--panel", "--ink", "--ink-soft", "--line", "--line-strong", "--up", "--down", "--warn"].map((name) => [name, of(name)]));
  probe.remove();
  return found;
}

const faded = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

export class Chart {
  #library;
  #plot;
  #legend;
  #chart;
  #candles;
  #volume;
  #markers;
  #watermark;
  #lines = new Map();
  #bars = new Map();
  #hovered = null;
  #digits = 2;
  #wanted = 0;
  #text;

  constructor(library, panel, watermark) {
    this.#library = library;
    this.#plot = find(".plot", panel);
    this.#legend = find(".legend", panel);
    this.#text = watermark;
    this.#build();
    addEventListener("themechange", () => this.#dress());
    addEventListener("zonechange", () => this.#dress());
  }

  #build() {
    const { createChart, CandlestickSeries, HistogramSeries, createSeriesMarkers, createTextWatermark } = this.#library;
    this.#chart = createChart(find(".canvas", this.#plot), {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, panes: { enableResize: false } },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 6, barSpacing: 7 },
      crosshair: { mode: 0 },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.22 } },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { priceLineStyle: 3 });
    this.#volume = this.#chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.#chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.#markers = createSeriesMarkers(this.#candles, []);
    this.#watermark = createTextWatermark(this.#chart.panes()[0], {});
    this.#chart.subscribeCrosshairMove(({ time }) => {
      this.#hovered = time ?? null;
      this.#describe();
    });
    this.#dress();
  }

  #dress() {
    const c = colours();
    const soft = c["--ink-soft"];
    this.#chart.applyOptions({
      layout: { background: { type: "solid", color: c["--panel"] }, textColor: soft, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { vertLines: { color: faded(c["--line"], 0.5) }, horzLines: { color: faded(c["--line"], 0.5) } },
      rightPriceScale: { borderColor: c["--line"] },
      timeScale: { borderColor: c["--line"], tickMarkFormatter: (time) => clock(time * 1000, { seconds: false }) },
      localization: { priceFormatter: (value) => price(value.toFixed(this.#digits), this.#digits), timeFormatter: (time) => `${clock(time * 1000, { seconds: false })} ${zone.local ? "local" : "UTC"}` },
      crosshair: { vertLine: { color: c["--line-strong"], labelBackgroundColor: soft }, horzLine: { color: c["--line-strong"], labelBackgroundColor: soft } },
    });
    // Rising candles are hollow, falling ones solid: the direction does not depend on colour.
    this.#candles.applyOptions({
      upColor: c["--panel"], downColor: c["--down"], borderUpColor: c["--up"], borderDownColor: c["--down"], wickUpColor: c["--up"], wickDownColor: c["--down"],
      priceLineColor: soft,
    });
    this.#watermark.applyOptions({
      horzAlign: "center", vertAlign: "center", lines: [{ text: this.#text, color: faded(c["--ink-soft"], 0.1), fontSize: 72, fontStyle: "bold" }],
    });
    this.#palette = c;
    this.#drawVolume();
    this.lines(this.#drawn);
    this.fills(this.#filled);
  }

  #palette = {};
  #drawn = null;
  #filled = [];
  #seconds = 60;

  /** Loads a symbol. Says in the plot when there is nothing yet, or why it failed. */
  async show({ exchange, symbol, timeframe, digits }) {
    const turn = ++this.#wanted;
    this.#digits = digits;
    this.#seconds = SECONDS[timeframe];
    this.lines(null);
    this.fills([]);
    let loaded;
    try {
      loaded = rows(await get("/api/v1/candles", { exchange, symbol, timeframe, limit: LIMIT })).map(bar).filter(({ time }) => time);
    } catch (error) {
      if (turn === this.#wanted) this.say("The bars could not be loaded.", error.message);
      return;
    }
    if (turn !== this.#wanted) return;
    this.#bars = new Map(loaded.sort((a, b) => a.time - b.time).map((each) => [each.time, each]));
    this.#candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    this.#candles.setData([...this.#bars.values()]);
    this.#drawVolume();
    this.#chart.timeScale().resetTimeScale();
    if (this.#bars.size) this.say(null);
    else this.say("No bars yet.", `The first ${timeframe} bar of ${symbol} appears when its first trade arrives.`);
    this.#describe();
  }

  /** A forming or closed bar from the socket. */
  candle(data) {
    this.#set(bar(data));
  }

  /** A price moves the forming bar at once; its volume comes with the bar itself. */
  tick({ price: last, timestamp }, now) {
    const value = Number(last);
    const at = millis(timestamp) || now;
    const time = Math.floor(at / 1000 / this.#seconds) * this.#seconds;
    const newest = [...this.#bars.keys()].at(-1);
    if (!value || newest === undefined || time < newest) return;
    const old = this.#bars.get(time);
    if (old) this.#set({ ...old, close: value, high: Math.max(old.high, value), low: Math.min(old.low, value) });
    else this.#set({ time, open: value, high: value, low: value, close: value, volume: 0 });
  }

  #set(next) {
    const newest = [...this.#bars.keys()].at(-1) ?? 0;
    if (!next.time || next.time < newest) return;
    if (!this.#bars.size) this.say(null);
    this.#bars.set(next.time, next);
    this.#candles.update(next);
    this.#volume.update(this.#volumeOf(next));
    if (!this.#hovered) this.#describe();
  }

  #volumeOf({ time, open, close, volume }) {
    return { time, value: volume, color: faded(this.#palette[close >= open ? "--up" : "--down"], 0.35) };
  }

  #drawVolume() {
    this.#volume.setData([...this.#bars.values()].map((each) => this.#volumeOf(each)));
  }

  /** {entry, stop, target, trail} as numbers, or null for none. */
  lines(levels) {
    this.#drawn = levels;
    for (const [name, [colour, title, style]] of Object.entries(LINES)) {
      const value = levels?.[name];
      const line = this.#lines.get(name);
      const options = { price: value, color: this.#palette[colour], title, lineWidth: 1, lineStyle: style, axisLabelVisible: true };
      if (!value) {
        if (line) this.#candles.removePriceLine(line);
        this.#lines.delete(name);
      } else if (line) line.applyOptions(options);
      else this.#lines.set(name, this.#candles.createPriceLine(options));
    }
  }

  /** Fills as {at, side, price, quantity}: an arrow at the fill's own price. */
  fills(fills) {
    this.#filled = fills;
    const first = this.#bars.keys().next().value ?? Infinity;
    const markers = fills
      .map(({ at, side, price: paid, id }) => ({
        id,
        time: Math.floor(millis(at) / 1000 / this.#seconds) * this.#seconds,
        position: side === "sell" ? "atPriceTop" : "atPriceBottom",
        shape: side === "sell" ? "arrowDown" : "arrowUp",
        color: this.#palette[side === "sell" ? "--down" : "--up"],
        price: toFloat(paid),
        size: 1,
      }))
      .filter(({ time, price: at }) => time >= first && at)
      .sort((a, b) => a.time - b.time);
    this.#markers.setMarkers(markers);
  }

  #describe() {
    const shown = this.#bars.get(this.#hovered) ?? [...this.#bars.values()].at(-1);
    if (!shown) return this.#legend.replaceChildren();
    const change = shown.close / shown.open - 1;
    const figures = ["open", "high", "low", "close"].map((name) => [name[0].toUpperCase(), price(shown[name].toFixed(this.#digits), this.#digits), ""]);
    figures.push(["", percent(change, 2, true), toneOfScore(change)], ["Vol", shown.volume.toLocaleString("en", { maximumSignificantDigits: 4 }), ""]);
    if (this.#legend.children.length !== figures.length) this.#legend.replaceChildren(...figures.map(() => h("span", {}, h("i"), " ", h("b"))));
    figures.forEach(([name, value, tone], index) => {
      const [label, figure] = this.#legend.children[index].children;
      put(label, name);
      put(figure, value);
      figure.className = tone;
    });
  }

  say(title, text = "") {
    const empty = find("[data-empty]", this.#plot);
    empty.hidden = !title;
    if (title) empty.replaceChildren(h("strong", {}, title), text);
  }
}

function bar(row) {
  const time = Math.floor(millis(row.ts_open ?? row.timestamp ?? row.time ?? row.t) / 1000);
  const [open, high, low, close] = ["open", "high", "low", "close"].map((name) => Number(row[name]));
  return { time, open, high, low, close, volume: Number(row.volume ?? 0) };
}

/** The library, or null where its file is not installed. */
export async function library(address) {
  if (!address) return null;
  try {
    return await import(address);
  } catch {
    return null;
  }
}
