// Decisions, orders, fills and what else happened, newest first; each leads to its trace.
import { find, h, keyed } from "./dom.js";
import { amount, clock, minus, score, stamp, withoutAction, words } from "./format.js";

const SHOWN = 120;

export class Log {
  #root;
  #store;
  #kind = "all";

  constructor(root, store) {
    this.#root = root;
    this.#store = store;
    const filters = find(".filters", root.parentElement);
    filters.addEventListener("click", ({ target }) => {
      if (!target.dataset.kind) return;
      this.#kind = target.dataset.kind;
      for (const button of filters.children) button.setAttribute("aria-pressed", String(button === target));
      this.render();
    });
    store.watch(["log", "bots"], () => this.render());
    addEventListener("zonechange", () => {
      root.replaceChildren();
      this.render();
    });
  }

  render() {
    const entries = this.#store.log.filter(({ kind }) => this.#kind === "all" || kind === this.#kind).slice(0, SHOWN);
    find("[data-empty]", this.#root.parentElement).hidden = entries.length > 0;
    keyed(this.#root, entries, {
      key: ({ id }) => id,
      make: (entry) => h("li", { class: entry.fresh ? "entry fresh" : "entry" }),
      update: (row, entry) => this.#fill(row, entry),
    });
  }

  #fill(row, entry) {
    const version = `${entry.at} ${entry.data?.state ?? ""} ${entry.data?.filled_quantity ?? ""} ${entry.data?.repeated ?? ""}`;
    if (row.dataset.version === version) return;
    row.dataset.version = version;
    const { glyph, tone, text, more, href } = DESCRIBE[entry.kind](entry, this.#store);
    const bot = this.#store.bots.get(entry.data?.bot_id)?.name;
    const body = href ? h("a", { href }, text) : h("span", {}, text);
    const rest = [bot, more].filter(Boolean).join(" · ");
    row.replaceChildren(
      h("time", { datetime: entry.at, title: stamp(entry.at) }, clock(entry.at)),
      h("span", { class: `glyph ${tone}`, "aria-hidden": "true" }, glyph),
      h("div", {}, body, rest ? h("div", { class: "faint" }, rest) : null),
    );
  }
}

const reasonOf = ({ purpose, exit_reason: reason }) => (purpose === "exit" && reason ? `exit by ${words(reason)}` : words(purpose));

const DESCRIBE = {
  fill({ data }) {
    const bought = data.side !== "sell";
    const paid = data.fee ? `fee ${amount(data.fee)} ${data.fee_asset ?? ""}` : "";
    return {
      glyph: bought ? "▲" : "▼",
      tone: bought ? "up" : "down",
      text: `${bought ? "Bought" : "Sold"} ${amount(data.quantity)} ${data.symbol} at ${amount(data.price)}`,
      more: [reasonOf(data), paid, data.execution_ms ? `${Math.round(data.execution_ms)} ms` : ""].filter(Boolean).join(", "),
      href: `/orders/${data.order_id}/`,
    };
  },
  order({ data }) {
    const failed = data.status === "failed";
    return {
      glyph: failed ? "✕" : data.status === "filled" ? "✓" : "○",
      tone: failed ? "down" : "soft",
      text: `Order ${words(data.state)}: ${data.side} ${amount(data.quantity)} ${data.symbol}`,
      more: data.error || [reasonOf(data), data.limit_price ? `limit ${amount(data.limit_price)}` : ""].filter(Boolean).join(", "),
      href: `/orders/${data.order_id}/`,
    };
  },
  decision({ data }) {
    const refused = data.verdict === "rejected";
    const why = refused ? minus(data.reasons?.map(({ text }) => text).join("; ")) : withoutAction(data.reasoning);
    const signal = data.signal === null || data.signal === undefined ? "" : ` at ${score(data.signal)}`;
    return {
      glyph: refused ? "✕" : data.verdict === "approved" ? "◆" : "◇",
      tone: refused ? "warn" : "soft",
      text: `${words(data.action).toUpperCase()} ${data.symbol}${signal}${refused ? ", refused" : ""}`,
      more: why,
      href: `/decisions/${data.decision_id}/`,
    };
  },
  system({ level, text }) {
    const loud = { warning: "warn", error: "down", critical: "down" }[level];
    return { glyph: loud ? "▲" : "·", tone: loud ?? "faint", text };
  },
};
