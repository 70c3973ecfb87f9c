// What the page knows. Events go in, topics come out, at most once a frame.

import { add, decimal, subtract, ZERO } from "./decimal.js";

const LOG_MAX = 300;
const FILL_MAX = 200;

export const symbolKey = (exchange, symbol) => `${exchange}:${symbol}`;

export class Store {
  bots = new Map();
  positions = new Map();
  prices = new Map();
  feeds = new Map();
  decisions = new Map();
  instruments = new Map();
  fills = [];
  log = [];
  today = null;
  ladder = { ladder: "active", reason: "", scope: "" };
  mode = "paper";
  skewMs = 0;

  #watchers = new Map();
  #touched = new Set();
  #waiting = false;
  #closed = new Set();

  /** Calls `render` on the frame after any of the topics changed. */
  watch(topics, render) {
    for (const topic of topics) {
      if (!this.#watchers.has(topic)) this.#watchers.set(topic, new Set());
      this.#watchers.get(topic).add(render);
    }
  }

  touch(...topics) {
    topics.forEach((topic) => this.#touched.add(topic));
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#flush());
  }

  #flush() {
    this.#waiting = false;
    const renders = new Set();
    for (const topic of this.#touched) this.#watchers.get(topic)?.forEach((render) => renders.add(render));
    this.#touched.clear();
    renders.forEach((render) => render());
  }

  /** The server's clock as far as we know it, in ms. */
  now() {
    return Date.now() + this.skewMs;
  }

  hear({ type, data, ts, seq }) {
    this.#handlers[type]?.call(this, data, ts, seq);
  }

  load(snapshot) {
    if (snapshot.server_time) this.skewMs = Date.parse(snapshot.server_time) - Date.now();
    if (snapshot.bots) this.bots = new Map(snapshot.bots.map((bot) => [bot.id, { ...this.bots.get(bot.id), ...bot }]));
    if (snapshot.positions) {
      const open = snapshot.positions.filter((position) => !position.closed_at);
      this.positions = new Map(open.map((position) => [position.position_id ?? position.id, position]));
    }
    for (const feed of snapshot.feeds ?? []) this.#feed(feed);
    for (const instrument of snapshot.instruments ?? [])
      this.instruments.set(symbolKey(instrument.exchange, instrument.symbol), instrument);
    if (snapshot.today) this.today = snapshot.today;
    if (snapshot.ladder) this.ladder = typeof snapshot.ladder === "string" ? { ladder: snapshot.ladder, reason: "" } : snapshot.ladder;
    if (snapshot.mode) this.mode = snapshot.mode;
    for (const bot of this.bots.values()) if (bot.last_decision) this.#latest(bot.last_decision, bot.id);
    if (snapshot.fills) this.fills = snapshot.fills.slice(0, FILL_MAX);
    this.#loadLog(snapshot);
    this.touch("bots", "positions", "prices", "feeds", "decisions", "fills", "log", "ladder", "today", "instruments");
  }

  #loadLog({ orders, fills, decisions }) {
    const past = [
      ...(orders ?? []).map((order) => ({ kind: "order", at: order.at, data: order })),
      ...(fills ?? []).map((fill) => ({ kind: "fill", at: fill.at, data: fill })),
      ...(decisions ?? []).map((decision) => ({ kind: "decision", at: decision.at ?? decision.created_at, data: decision })),
    ];
    if (!past.length) return;
    const system = this.log.filter((entry) => entry.kind === "system");
    this.log = [];
    for (const entry of [...past, ...system].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) this.#write(entry);
    this.log.forEach((entry) => (entry.fresh = false));
  }

  // An order or a decision that is heard of again replaces its line; a fill is a line of its own.
  #write(entry) {
    const { kind, data } = entry;
    if (kind === "order") entry.id = `o${data.order_id ?? data.id}`;
    else if (kind === "decision") entry.id = `d${data.decision_id ?? data.id}`;
    else if (kind === "fill") entry.id = `f${data.fill?.id ?? `${data.order_id}${data.filled_quantity}${data.fill?.price ?? ""}${data.fill?.quantity ?? ""}`}`;
    else entry.id = `s${entry.at}${entry.text}`;
    const at = this.log.findIndex((other) => other.id === entry.id);
    if (at >= 0) this.log.splice(at, 1);
    entry.fresh = true;
    this.log.unshift(entry);
    if (this.log.length > LOG_MAX) this.log.length = LOG_MAX;
  }

  #system(text, { at, level = "info", bot_id = null }) {
    this.#write({ kind: "system", at: at ?? new Date(this.now()).toISOString(), level, data: { bot_id }, text });
    this.touch("log");
  }

  #latest(decision, bot_id) {
    const id = decision.bot_id ?? bot_id;
    const record = { ...decision, bot_id: id, heardAt: this.now() };
    this.decisions.set(`${id}:${decision.symbol}`, record);
    const bot = this.bots.get(id);
    if (bot) bot.last_decision = record;
  }

  // A closed position's result joins today's; a repeat of the news does not.
  #booked(id, { realised_pnl: gain, fees }) {
    if (!this.today || this.#closed.has(id)) return;
    this.#closed.add(id);
    const result = subtract(decimal(gain) ?? ZERO, decimal(fees) ?? ZERO);
    this.today = { ...this.today, realised_pnl: add(decimal(this.today.realised_pnl) ?? ZERO, result) };
  }

  #feed(feed) {
    const key = symbolKey(feed.exchange, feed.symbol);
    this.feeds.set(key, { ...this.feeds.get(key), ...feed });
    const price = feed.last_price;
    if (price !== undefined && price !== null && !this.prices.has(key))
      this.prices.set(key, { exchange: feed.exchange, symbol: feed.symbol, price: String(price), heardAt: 0, timestamp: feed.last_tick_at });
  }

  #handlers = {
    snapshot(data) {
      this.load(data);
    },
    price_update(data) {
      const key = symbolKey(data.exchange, data.symbol);
      this.prices.set(key, { ...data, before: this.prices.get(key)?.price, heardAt: Date.now() });
      this.touch("prices");
    },
    candle(data) {
      this.onCandle?.(data);
    },
    feed_state(data, ts) {
      const before = this.feeds.get(symbolKey(data.exchange, data.symbol))?.state;
      this.#feed(data);
      if (before && before !== data.state)
        this.#system(`${data.symbol} on ${data.exchange} is ${data.state}${data.reason ? `: ${data.reason}` : ""}`, {
          at: ts,
          level: data.state === "live" ? "info" : "warning",
        });
      this.touch("feeds");
    },
    feedEvent(data, ts) {
      this.#system(data.message || `${data.exchange} ${data.symbol} ${data.kind}`, { at: data.at ?? ts, level: data.kind === "connected" ? "info" : "warning" });
    },
    alert(data, ts) {
      this.#system(data.text, { at: ts, level: data.level, bot_id: data.bot_id });
    },
    botState(data, ts) {
      const bot = this.bots.get(data.bot_id);
      if (!bot) return;
      const changed = bot.state !== data.state || (data.ladder && data.ladder !== bot.ladder);
      Object.assign(bot, { state: data.state, state_reason: data.reason ?? "", session_id: data.session_id, started_at: data.started_at });
      if (data.ladder) Object.assign(bot, { ladder: data.ladder, ladder_reason: data.ladder_reason ?? "" });
      if (changed) this.#system(`${bot.name} is ${data.state}${data.reason ? `: ${data.reason}` : ""}`, { at: ts, bot_id: bot.id });
      this.touch("bots", "ladder");
    },
    performanceUpdate(data) {
      const bot = this.bots.get(data.bot_id);
      if (!bot) return;
      bot.performance = data;
      bot.equity = [...(bot.equity ?? []), [data.at, data.equity]].slice(-120);
      this.touch("bots", "today");
    },
    positionUpdate(data) {
      const id = data.position_id ?? data.id;
      if (data.closed_at) {
        this.positions.delete(id);
        this.#booked(id, data);
      } else this.positions.set(id, { ...this.positions.get(id), ...data });
      this.touch("positions", "today");
    },
    orderUpdate(data, ts) {
      this.#write({ kind: "order", at: data.at ?? ts, data });
      this.touch("log");
    },
    orderExecuted(data, ts) {
      const fill = { ...data, at: data.at ?? ts };
      this.fills = [fill, ...this.fills].slice(0, FILL_MAX);
      this.#write({ kind: "fill", at: fill.at, data: fill });
      this.touch("fills", "log");
    },
    tradingCycleComplete(data, ts) {
      this.#latest(data);
      if (data.decision_id) this.#write({ kind: "decision", at: ts, data: { ...data, id: data.decision_id } });
      this.touch("decisions", "log", "bots");
    },
    ladder(data) {
      this.ladder = data;
      this.touch("ladder");
    },
  };
}
