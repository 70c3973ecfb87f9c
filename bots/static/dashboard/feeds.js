// Entry of the feeds page: the table keeps itself up to date.
import { get, rows } from "./api.js";
import { put, toneClass } from "./dom.js";
import { amount, millis, span, words } from "./format.js";
import { localTimes, open } from "./page.js";

const EVERY_MS = 2000;
const LIGHT = { live: "live", fallback: "partly", resyncing: "partly", connecting: "partly" };
const body = document.querySelector("[data-feeds]");
const cell = (row, name) => row.querySelector(`[data-f=${name}]`);
const ms = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)} ms`);

function show(feed) {
  const row = [...body.children].find((each) => each.dataset.row === `${feed.exchange}:${feed.symbol}`);
  if (!row) return;
  const light = cell(row, "state");
  light.dataset.state = LIGHT[feed.state] ?? "lost";
  light.title = feed.reason ?? "";
  put(light, words(feed.state));
  put(cell(row, "source"), feed.source);
  put(cell(row, "last_price"), amount(feed.last_price));
  cell(row, "age").dataset.at = feed.last_tick_at ?? "";
  if (feed.messages_per_s !== undefined) put(cell(row, "messages_per_s"), Number(feed.messages_per_s).toFixed(1));
  for (const name of ["lag_p50_ms", "lag_p95_ms"]) if (name in feed) put(cell(row, name), ms(feed[name]));
  for (const name of ["gaps", "reconnects", "rejected"]) if (name in feed) put(cell(row, name), feed[name], { mark: true });
}

const { store } = open({ channels: ["feeds", "bots", "positions"] });
localTimes();

function ages() {
  for (const row of body?.children ?? []) {
    const age = cell(row, "age");
    const old = store.now() - millis(age.dataset.at);
    put(age, Number.isNaN(old) ? "never" : span(Math.max(0, old)));
    toneClass(age, old > 5000 ? "down" : "");
  }
}

async function refresh() {
  const feeds = await get("/api/v1/feeds").then(rows, () => []);
  feeds.forEach(show);
  ages();
}

if (body) {
  ages();
  setInterval(refresh, EVERY_MS);
}
