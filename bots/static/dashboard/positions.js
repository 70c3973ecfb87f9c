// Open positions, marked on every price.
import { post } from "./api.js";
import { decimal, multiply, text, toFloat } from "./decimal.js";
import { find, h, keyed, put, toneClass } from "./dom.js";
import { age, amount, millis, money, percent, price, tone } from "./format.js";
import { exchangeOf, isLong, markPrice, returned, sum, unrealised } from "./pnl.js";
import { acting, confirmed, toast } from "./toast.js";

export class Positions {
  #root;
  #store;
  #onChoose;
  #digits;

  constructor(root, store, { onChoose, digits }) {
    this.#root = root;
    this.#store = store;
    this.#onChoose = onChoose;
    this.#digits = digits;
    store.watch(["positions", "prices", "bots", "instruments"], () => this.render());
    setInterval(() => this.render(), 1000);
  }

  render() {
    const open = [...this.#store.positions.values()].sort((a, b) => millis(b.opened_at) - millis(a.opened_at));
    const panel = this.#root.parentElement;
    find("[data-empty]", panel).hidden = open.length > 0;
    put(find("[data-count]", panel), open.length || "");
    const total = sum(open.map((position) => unrealised(position, this.#store)));
    const figure = find("[data-total]", panel);
    put(figure, open.length ? money(total) : "");
    toneClass(figure, tone(total));
    keyed(this.#root, open, { key: (position) => position.position_id, make: (position) => this.#make(position), update: (row, position) => this.#update(row, position) });
  }

  #make(position) {
    const id = position.position_id;
    const term = (name, field) => h("div", {}, h("dt", {}, name), h("dd", { "data-f": field }));
    const track = h("span", { class: "meter unit track", title: "Where the price stands between stop and target" }, h("u"));
    return h(
      "li",
      { class: "pos" },
      h("div", { class: "what" }, h("button", { onclick: () => this.#onChoose(position) }, position.symbol), h("span", { "data-f": "side" }), h("span", { class: "faint small", "data-f": "bot" })),
      h("div", { class: "pnl", "data-f": "pnl" }),
      h("dl", { class: "detail" }, term("Entry", "entry"), term("Stop", "stop"), term("Size", "size"), term("Mark", "mark"), term("Target", "target"), term("Return", "return")),
      h("div", { class: "foot-row" }, track, h("span", { class: "faint small", "data-f": "age" }), h("button", { class: "tight", onclick: (event) => this.#close(event.currentTarget, id) }, "Close")),
    );
  }

  #update(row, position) {
    const digits = this.#digits(exchangeOf(position, this.#store), position.symbol);
    const mark = markPrice(position, this.#store);
    const pnl = unrealised(position, this.#store);
    const set = (field, value, options) => put(find(`[data-f=${field}]`, row), value, options);
    set("side", isLong(position) ? "▲ long" : "▼ short");
    set("bot", this.#store.bots.get(position.bot_id)?.name ?? "");
    set("entry", price(position.entry_price, digits));
    set("stop", price(position.stop_price, digits), { mark: true });
    set("target", position.target_price ? price(position.target_price, digits) : "none");
    set("size", amount(position.quantity), { mark: true });
    set("mark", mark ? text(mark, { digits }) : "–");
    set("pnl", pnl ? money(pnl) : "–");
    set("return", percent(returned(position, pnl), 2, true));
    set("age", age(this.#store.now() - millis(position.opened_at)));
    for (const field of ["pnl", "return"]) toneClass(find(`[data-f=${field}]`, row), pnl ? tone(pnl) : "");
    this.#track(find(".track", row), position, mark);
  }

  #track(track, position, mark) {
    const low = toFloat(position.stop_price);
    const high = toFloat(position.target_price);
    track.classList.toggle("absent", Number.isNaN(high));
    const at = mark && !Number.isNaN(high) ? (toFloat(mark) - low) / (high - low) : 0;
    track.firstElementChild.style.setProperty("--at", Math.min(1, Math.max(0, at)).toFixed(4));
    track.firstElementChild.hidden = Number.isNaN(high);
  }

  async #close(button, id) {
    const position = this.#store.positions.get(id);
    if (!position) return;
    const mark = markPrice(position, this.#store);
    const worth = mark ? ` at about ${text(mark, { digits: this.#digits(exchangeOf(position, this.#store), position.symbol) })}` : "";
    const quantity = decimal(position.quantity);
    const value = mark && quantity ? `, worth ${text(multiply(mark, quantity), { digits: 2 })}` : "";
    const sure = await confirmed({
      title: `Close ${position.symbol}?`,
      consequence: `A market order ${isLong(position) ? "sells" : "buys back"} ${amount(position.quantity)} ${position.symbol.split("/")[0]}${worth}${value}. The bot goes on and may enter again.`,
      act: "Close the position",
      danger: true,
    });
    if (sure && (await acting(button, () => post(`/api/v1/positions/${id}/close`)))) toast(`Closing ${position.symbol}: the fill appears in the log.`, "good");
  }
}

