// The safety bar: mode, kill ladder, PnL today, feed light, clock, and the banners under it.
import { put as request } from "./api.js";
import { add, decimal } from "./decimal.js";
import { find, put, toneClass } from "./dom.js";
import { clock, money, plural, span, tone, zone } from "./format.js";
import { sum, unrealised } from "./pnl.js";
import { acting, confirmed, toast } from "./toast.js";
import { troubleOf } from "./trouble.js";

const SILENT_AFTER_MS = 4000;
const SHORT = { active: "Stop trading", pause: "Entries paused", reduce: "Exits only", flatten: "Flattened" };
const RANK = { active: 0, pause: 1, reduce: 2, flatten: 3 };
const DONE = {
  active: "Trading is allowed again.",
  pause: "No bot opens a position. Open ones are managed as before.",
  reduce: "Entry orders are cancelled; only exits are sent.",
  flatten: "Every open position is being closed at market. Nothing opens until you clear this.",
};

function flattenQuestion(open) {
  const closed = `Market orders close ${open ? plural(open, "open position") : "every open position"} of yours now, at whatever price there is`;
  return {
    title: "Flatten everything?",
    consequence: `${closed}. Waiting entry orders are cancelled, and no bot opens anything until you allow it again.`,
    act: "Close everything",
    danger: true,
  };
}

export class SafetyBar {
  #store;
  #connection = { connected: true, since: Date.now() };
  #loadedAt = Date.now();

  constructor(store) {
    this.#store = store;
    this.#kill();
    const clockButton = find("[data-clock]");
    clockButton.addEventListener("click", () => {
      zone.toggle();
      this.#tick();
    });
    store.watch(["ladder", "bots"], () => this.#ladder());
    store.watch(["prices", "positions", "today", "bots"], () => this.#pnl());
    setInterval(() => this.#tick(), 500);
    document.addEventListener("visibilitychange", () => (this.#loadedAt = Date.now()));
    this.#tick();
  }

  connection(state) {
    this.#connection = state;
    this.#tick();
  }

  #kill() {
    const menu = find("[data-kill]");
    for (const step of menu.querySelectorAll("[data-step]"))
      step.addEventListener("click", () => this.#restrict(step));
    const form = find("form", menu);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#set(find("button", form), "active", new FormData(form).get("reason").trim());
    });
    document.addEventListener("click", (event) => menu.contains(event.target) || menu.removeAttribute("open"));
    document.addEventListener("keydown", (event) => event.key === "Escape" && menu.removeAttribute("open"));
  }

  async #restrict(step) {
    const ladder = step.dataset.step;
    // Pausing is undone by a reason; a position that was closed stays closed.
    if (ladder === "flatten" && !(await confirmed(flattenQuestion(this.#store.positions.size)))) return;
    this.#set(step, ladder, "Pressed in the safety bar");
  }

  async #set(button, ladder, reason) {
    // What restricts the whole installation is cleared there; everything else is about one's own accounts.
    const scope = ladder === "active" ? this.#store.ladder.scope : "account";
    const answer = await acting(button, () => request("/api/v1/killswitch", { ladder, reason, scope }));
    if (!answer) return;
    find("[data-kill]").removeAttribute("open");
    this.#store.restrict(answer);
    toast(answer.ladder === "active" || ladder !== "active" ? DONE[ladder] : `Your accounts are clear; ${SHORT[answer.ladder].toLowerCase()} still holds: ${this.#store.ladder.reason}`, ladder === "active" ? "good" : "");
  }

  #ladder() {
    const { ladder, reason } = this.#store.ladder;
    const menu = find("[data-kill]");
    menu.dataset.ladder = ladder;
    put(find("summary span", menu), SHORT[ladder] ?? ladder);
    for (const step of menu.querySelectorAll("[data-step]")) {
      step.setAttribute("aria-pressed", String(step.dataset.step === ladder));
      // A laxer step is a clearing, and that needs a reason.
      step.disabled = RANK[step.dataset.step] <= RANK[ladder];
    }
    find("form", menu).hidden = ladder === "active";
    const banner = find("[data-banner=ladder]");
    banner.hidden = ladder === "active";
    put(find("span", banner), `${SHORT[ladder] ?? ladder}. ${DONE[ladder] ?? ""}${reason ? ` Reason: ${reason.replace(/\.$/, "")}.` : ""} Clear it under “${SHORT[ladder]}”.`);
    const badge = find("[data-mode]");
    badge.dataset.mode = this.#store.mode;
    put(badge, this.#store.mode.toUpperCase());
  }

  #pnl() {
    const open = [...this.#store.positions.values()];
    const bots = [...this.#store.bots.values()];
    const realised = sum(bots.map((bot) => decimal(bot.realised_today)));
    const total = add(realised, sum(open.map((position) => unrealised(position, this.#store))));
    const figure = find("[data-today]");
    put(figure, money(total));
    toneClass(figure, tone(total));
    const base = document.body.dataset.title;
    if (base) document.title = open.length ? `(${open.length}) ${base}` : base;
  }

  #tick() {
    put(find("[data-clock]"), `${clock(Date.now() + this.#store.skewMs)} ${zone.local ? "local" : "UTC"}`);
    const light = find("[data-feed]");
    const banner = find("[data-banner=stale]");
    const { state, text, warning } = this.#connection.connected ? this.#feeds() : this.#unplugged();
    light.dataset.state = state;
    put(light, text);
    banner.hidden = !warning;
    banner.classList.toggle("bad", state === "lost");
    if (warning) put(find("span", banner), warning);
    document.body.classList.toggle("is-stale", state === "lost");
  }

  #unplugged() {
    const { since, refused } = this.#connection;
    const warning = refused
      ? "The server refused this page's live connection. Sign in again to go on."
      : `No connection to the server since ${clock(since + this.#store.skewMs)} (${span(Date.now() - since)}). Figures are from then; bots carry on without this page. Reconnecting.`;
    return { state: "lost", text: "Disconnected", warning };
  }

  #feeds() {
    const feeds = [...this.#store.feeds.values()];
    if (!feeds.length) return { state: "none", text: "No feed", warning: "" };
    const poor = feeds.filter((feed) => feed.state !== "live");
    const heard = Math.max(0, ...[...this.#store.prices.values()].map((price) => price.heardAt ?? 0));
    const quietMs = Date.now() - Math.max(heard, this.#loadedAt);
    if (this.#store.followsPrices && quietMs > SILENT_AFTER_MS) {
      const since = clock((heard || this.#loadedAt) + this.#store.skewMs);
      return { state: "lost", text: "Feed silent", warning: `No price since ${since} (${span(quietMs)}). Nothing is traded on stale prices.` };
    }
    if (!poor.length) return { state: "live", text: `${plural(feeds.length, "feed")} live`, warning: "" };
    const lost = poor.length === feeds.length && !poor.some((feed) => feed.state === "fallback");
    return {
      state: lost ? "lost" : "partly",
      text: `${feeds.length - poor.length} of ${plural(feeds.length, "feed")} live`,
      warning: troubleOf(poor),
    };
  }
}
