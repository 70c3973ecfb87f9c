// What the page knows. Events go in, topics come out, at most once a frame.

import { add, decimal, subtract, ZERO } from "./decimal.js";

const LOG_MAX = 300;
const FILL_MAX = 200;
const EQUITY_MAX = 120;

export const symbolKey = (exchange, symbol) => `${exchange}:${symbol}`;

export class Store {
  bots = new Map();
  positions = new Map();
  prices = new Map();
  feeds = new Map();
  regimes = new Map();
  decisions = new Map();
  instruments = new Map();
  fills = [];
  log = [];
  ladder = { ladder: "active", reason: "", scope: "account" };
  mode = "paper";
  skewMs = 0;

  #watchers = new Map();
  #touched = new Set();
  #waiting = false;
  #fillsWritten = 0;

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

  /** Events carry their fields in `data`; prices and candles, which are many, carry them flat. */
  hear(message) {
    this.#handlers[message.type]?.call(this, message.data ?? message, message.ts);
  }

  load(snapshot) {
    if (snapshot.at) this.skewMs = Date.parse(snapshot.at) - Date.now();
    if (snapshot.bots) this.#loadBots(snapshot.bots);
    for (const decision of snapshot.latest ?? []) {
      const heard = this.decisions.get(`${decision.bot_id}:${decision.symbol}`);
      if (!(heard?.ts_event > decision.ts_event)) this.#latest(decision);
    }
    if (snapshot.positions) this.positions = new Map(snapshot.positions.map((position) => [position.position_id, position]));
    for (const feed of snapshot.feeds ?? []) this.#feed(feed);
    if (snapshot.regimes) this.regimes = new Map(snapshot.regimes.map((regime) => [symbolKey(regime.exchange, regime.symbol), regime]));
    if (snapshot.kill_switch) this.restrict(snapshot.kill_switch);
    if (snapshot.fills) this.fills = snapshot.fills.slice(0, FILL_MAX);
    this.#loadLog(snapshot);
    this.touch("bots", "positions", "prices", "feeds", "regimes", "decisions", "fills", "log", "today");
  }

  #loadBots(cards) {
    this.bots = new Map(cards.map(({ sparkline, ...card }) => [card.id, { ...this.bots.get(card.id), ...card, equity: (sparkline ?? []).map(({ equity }) => equity) }]));
    for (const bot of this.bots.values()) {
      const heard = this.decisions.get(`${bot.id}:${bot.last_decision?.symbol}`);
      if (bot.last_decision && !(heard?.ts_event > bot.last_decision.ts_event)) this.#latest(bot.last_decision);
    }
    const modes = [...this.bots.values()].map(({ mode }) => mode);
    this.mode = modes.find((mode) => mode !== "paper") ?? "paper";
  }

  /** The kill switch as the API tells it: the strictest step that holds, whose it is, and why. */
  restrict({ ladder, installation, accounts = [] }) {
    const scopes = [{ ...installation, scope: "installation" }, ...accounts.map((account) => ({ ...account, scope: "account" }))];
    const holds = scopes.filter((each) => each.ladder === ladder);
    this.ladder = { ladder, scope: holds[0]?.scope ?? "account", reason: holds.find(({ reason }) => reason)?.reason ?? "" };
    this.touch("ladder");
  }

  learn(instruments) {
    for (const instrument of instruments) this.instruments.set(symbolKey(instrument.exchange, instrument.symbol), instrument);
    this.touch("instruments", "prices", "positions");
  }

  #loadLog({ orders, fills, decisions }) {
    const past = [
      ...(orders ?? []).map((order) => ({ kind: "order", at: order.at, data: order })),
      ...(fills ?? []).map((fill) => ({ kind: "fill", at: fill.at, data: fill })),
      ...(decisions ?? []).map((decision) => ({ kind: "decision", at: decision.at, data: decision })),
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
    if (kind === "order") entry.id = `o${data.order_id}`;
    else if (kind === "decision") entry.id = `d${data.decision_id}`;
    else if (kind === "fill") entry.id = `f${(this.#fillsWritten += 1)}`;
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

  #latest(decision) {
    const record = { ...decision, heardAt: this.now() };
    this.decisions.set(`${decision.bot_id}:${decision.symbol}`, record);
    const bot = this.bots.get(decision.bot_id);
    if (bot) bot.last_decision = record;
  }

  // A closed position's result joins its bot's of today; a repeat of the news does not.
  #booked(id, { bot_id, realised_pnl: gain, fees }) {
    const bot = this.bots.get(bot_id);
    if (!bot || !this.positions.has(id)) return;
    const result = subtract(decimal(gain) ?? ZERO, decimal(fees) ?? ZERO);
    bot.realised_today = add(decimal(bot.realised_today) ?? ZERO, result);
  }

  /** How all feeds are, as REST tells it; those of other people's symbols are left out. */
  hearFeeds(feeds) {
    for (const { exchange, symbol, state, source, reason, is_running } of feeds)
      if (this.feeds.has(symbolKey(exchange, symbol))) this.#feed({ exchange, symbol, source, reason, state: is_running ? state : "not_running" });
    this.touch("feeds");
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
    regimeUpdate(data) {
      this.regimes.set(symbolKey(data.exchange, data.symbol), data);
      this.touch("regimes");
    },
    feedEvent(data, ts) {
      this.#system(data.message || `${data.exchange} ${data.symbol} ${data.kind}`, { at: data.at ?? ts, level: data.kind === "connected" ? "info" : "warning" });
    },
    error({ message }) {
      this.#system(message, { level: "warning" });
    },
    alert(data, ts) {
      this.#system(data.text, { at: ts, level: data.level, bot_id: data.bot_id });
    },
    botState(data, ts) {
      const bot = this.bots.get(data.bot_id);
      if (!bot) return;
      const changed = bot.state !== data.state;
      if (data.ladder && data.ladder !== bot.ladder) this.onLadder?.();
      Object.assign(bot, { state: data.state, reason: data.reason ?? "", session_id: data.session_id, started_at: data.started_at });
      if (data.ladder) Object.assign(bot, { ladder: data.ladder, ladder_reason: data.ladder_reason ?? "" });
      if (changed) this.#system(`${bot.name} is ${data.state}${data.reason ? `: ${data.reason}` : ""}`, { at: ts, bot_id: bot.id });
      this.touch("bots", "ladder");
    },
    performanceUpdate(data) {
      const bot = this.bots.get(data.bot_id);
      if (!bot) return;
      bot.performance = data;
      bot.equity = [...bot.equity, data.equity].slice(-EQUITY_MAX);
      this.touch("bots", "today");
    },
    positionUpdate(data) {
      const id = data.position_id;
      if (data.closed_at) {
        this.#booked(id, data);
        this.positions.delete(id);
      } else this.positions.set(id, { ...this.positions.get(id), ...data });
      this.touch("positions", "today");
    },
    orderUpdate(data, ts) {
      this.#write({ kind: "order", at: data.at ?? ts, data });
      this.touch("log");
    },
    orderExecuted(data, ts) {
      // The event is the order with its newest fill inside; a line of the log is a fill.
      const fill = { ...data, ...data.fill, at: data.at ?? ts };
      this.fills = [fill, ...this.fills].slice(0, FILL_MAX);
      this.#write({ kind: "fill", at: fill.at, data: fill });
      this.touch("fills", "log");
    },
    tradingCycleComplete(data, ts) {
      this.#latest(data);
      if (data.decision_id) this.#write({ kind: "decision", at: ts, data });
      this.touch("decisions", "log", "bots");
    },
  };
}
