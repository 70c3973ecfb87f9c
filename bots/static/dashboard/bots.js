// Bot cards: state, PnL, sparkline, the last decision and its age, and what can be done.
import { post } from "./api.js";
import { decimal, add, ZERO, toFloat, text } from "./decimal.js";
import { find, h, keyed, put, svg, toneClass } from "./dom.js";
import { age, millis, minus, money, plural, score, tone, words } from "./format.js";
import { unrealised } from "./pnl.js";
import { acting, confirmed, toast } from "./toast.js";

const LADDER_WORDS = { pause: "Entries paused", reduce: "Exits only", flatten: "Closing everything" };

export class BotCards {
  #root;
  #picker;
  #store;
  #onChoose;
  chosen = null;

  constructor(root, picker, store, onChoose) {
    this.#root = root;
    this.#picker = picker;
    this.#store = store;
    this.#onChoose = onChoose;
    picker.addEventListener("change", () => this.choose(Number(picker.value)));
    store.watch(["bots", "positions", "prices", "decisions"], () => this.render());
    setInterval(() => this.#ages(), 1000);
  }

  choose(id) {
    this.chosen = id;
    this.render();
    this.#onChoose(id);
  }

  render() {
    const bots = [...this.#store.bots.values()];
    find("[data-empty]", this.#root.parentElement).hidden = bots.length > 0;
    keyed(this.#root, bots, { key: (bot) => bot.id, make: (bot) => this.#make(bot), update: (card, bot) => this.#update(card, bot) });
    keyed(this.#picker, bots, {
      key: (bot) => bot.id,
      make: (bot) => h("option", { value: bot.id }),
      update: (option, bot) => put(option, `${bot.name} · ${bot.state}`),
    });
    if (this.chosen !== null) this.#picker.value = this.chosen;
    this.#ages();
  }

  #make(bot) {
    const spark = svg("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", role: "img", "aria-label": "Equity" });
    spark.append(svg("line", { x1: 0, x2: 100, y1: 12, y2: 12 }), svg("path"));
    return h(
      "li",
      { class: "bot" },
      h("div", { class: "top" }, h("button", { class: "name", onclick: () => this.choose(bot.id) }, bot.name), h("span", { class: "pill" })),
      h("div", { class: "middle-row" }, h("span", { class: "pnl", title: "Today: trades closed since 00:00 UTC after fees, plus open positions" }), h("span", { class: "unit" }), spark),
      h("p", { class: "small faint counts" }),
      h("div", { class: "last" }, h("span", { class: "why" }), h("span", { class: "age faint" })),
      h("p", { class: "notice" }),
      h(
        "form",
        { class: "clear", hidden: true, onsubmit: (event) => this.#clear(event, bot.id) },
        h("input", { type: "text", name: "reason", required: true, maxlength: 300, placeholder: "Reason", "aria-label": "Reason for letting the bot enter again", autocomplete: "off" }),
        h("button", {}, "Allow entries"),
      ),
      h(
        "div",
        { class: "actions" },
        ["start", "pause", "resume", "stop"].map((verb) =>
          h("button", { "data-verb": verb, onclick: (event) => this.#act(event.currentTarget, verb, bot.id) }, verb.replace(/^./, (c) => c.toUpperCase())),
        ),
      ),
    );
  }

  #update(card, bot) {
    const held = [...this.#store.positions.values()].filter((position) => position.bot_id === bot.id);
    const open = held.map((position) => unrealised(position, this.#store)).reduce((sum, pnl) => (pnl ? add(sum, pnl) : sum), ZERO);
    const realised = decimal(bot.realised_today) ?? ZERO;
    const total = add(realised, open);
    card.setAttribute("aria-current", String(bot.id === this.chosen));
    put(find(".name", card), bot.name);
    find(".name", card).title = [bot.description, (bot.symbols ?? []).join(", ")].filter(Boolean).join("\n");
    const pill = find(".pill", card);
    pill.dataset.state = bot.state;
    put(pill, words(bot.state));
    const pnl = find(".pnl", card);
    put(pnl, money(total));
    toneClass(pnl, tone(total));
    put(find(".unit", card), `${bot.quote_asset ?? ""} today`);
    put(find(".counts", card), this.#counts(bot, held.length));
    drawSpark(find(".spark", card), bot.equity ?? []);
    put(find(".why", card), this.#why(bot));
    this.#notice(find(".notice", card), bot);
    find("form.clear", card).hidden = !this.#isRestricted(bot);
    for (const button of card.querySelectorAll("[data-verb]")) button.hidden = !VERBS[bot.state]?.includes(button.dataset.verb);
  }

  #counts(bot, open) {
    const { trades, win_rate: wins } = bot.performance ?? {};
    const symbols = bot.symbols ?? [];
    if (!trades) return `${symbols.length === 1 ? symbols[0] : plural(symbols.length, "symbol")} · ${open} open`;
    const won = wins === null || wins === undefined ? "" : ` · ${Math.round(wins * 100)} % won`;
    return `${open} open · ${plural(trades, "trade")}${won}`;
  }

  #why(bot) {
    const last = bot.last_decision;
    if (!last) return bot.state === "running" ? "No decision yet: the first one comes with the next evaluation." : "No decision yet.";
    const value = last.signal === null || last.signal === undefined ? "" : ` (${score(last.signal)})`;
    const why = last.verdict === "rejected" ? minus(last.reasons?.[0]?.text) : "";
    return `${last.symbol} ${String(last.action).toUpperCase()}${value}${last.verdict === "rejected" ? `, refused: ${why}` : ""}`;
  }

  #notice(element, bot) {
    const ladder = bot.ladder && bot.ladder !== "active" ? `${LADDER_WORDS[bot.ladder] ?? words(bot.ladder)}. ${bot.ladder_reason ?? ""}` : "";
    const state = bot.state !== "running" ? (bot.reason ?? "") : "";
    put(element, [ladder, state].filter(Boolean).join(" "));
    element.hidden = !element.textContent;
  }

  /** By itself: what restricts its account or everything is lifted in the safety bar. */
  #isRestricted(bot) {
    const { ladder, reason } = this.#store.ladder;
    return Boolean(bot.ladder) && bot.ladder !== "active" && !(bot.ladder === ladder && bot.ladder_reason === reason);
  }

  async #clear(event, id) {
    event.preventDefault();
    const form = event.currentTarget;
    const reason = new FormData(form).get("reason").trim();
    const answer = await acting(find("button", form), () => post(`/api/v1/bots/${id}/clear`, { reason }));
    if (!answer) return;
    form.reset();
    const bot = this.#store.bots.get(id);
    Object.assign(bot, { ladder: "active", ladder_reason: "" });
    this.#store.touch("bots");
    toast(`${bot.name} may enter again: drawdown and repeats are measured from now.`, "good");
  }

  #ages() {
    for (const card of this.#root.children) {
      const bot = this.#store.bots.get(Number(card.dataset.key));
      const at = bot?.last_decision && (millis(bot.last_decision.ts_event) || millis(bot.last_decision.at));
      put(find(".age", card), at ? age(this.#store.now() - at) : "");
    }
  }

  async #act(button, verb, id) {
    const bot = this.#store.bots.get(id);
    const open = [...this.#store.positions.values()].filter((position) => position.bot_id === id).length;
    if (verb === "stop" && !(await confirmed(stopQuestion(bot, open)))) return;
    const answer = await acting(button, () => post(`/api/v1/bots/${id}/${verb}`));
    if (!answer) return;
    // The socket brings the same news; the answer is only sooner.
    const row = answer.bot ?? answer;
    if (row.state) Object.assign(bot, { state: row.state, reason: row.state_reason ?? row.reason ?? "" });
    this.#store.touch("bots");
  }
}

const VERBS = { running: ["pause", "stop"], paused: ["resume", "stop"], stopped: ["start"], error: ["start", "stop"] };

const stopQuestion = (bot, open) => ({
  title: `Stop ${bot.name}?`,
  consequence: open
    ? `Its session ends and it decides nothing more. ${plural(open, "open position")} ${open === 1 ? "stays open with its stop" : "stay open with their stops"}, which an engine keeps watching; close ${open === 1 ? "it" : "them"} by hand if you want out.`
    : "Its session ends and it decides nothing more until it is started again. It holds no open position.",
  act: "Stop the bot",
  danger: true,
});

function drawSpark(spark, equity) {
  const values = equity.map(toFloat).filter((value) => !Number.isNaN(value));
  const [line, path] = spark.children;
  spark.toggleAttribute("data-none", values.length < 2);
  if (values.length < 2) {
    path.setAttribute("d", "");
    return;
  }
  const low = Math.min(...values);
  const high = Math.max(...values);
  const y = (value) => (high === low ? 12 : 22 - (20 * (value - low)) / (high - low));
  const x = (index) => (100 * index) / (values.length - 1);
  path.setAttribute("d", values.map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(2)} ${y(value).toFixed(2)}`).join(""));
  line.setAttribute("y1", y(values[0]));
  line.setAttribute("y2", y(values[0]));
  spark.setAttribute("aria-label", `Equity from ${text(decimal(values[0].toFixed(2)))} to ${text(decimal(values.at(-1).toFixed(2)))}`);
}
