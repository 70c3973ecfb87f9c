// Entry of the feeds page: the server draws it, this keeps it up to date while somebody looks.
import { put, toneClass } from "./dom.js";
import { millis, span } from "./format.js";
import { morph } from "./morph.js";
import { localTimes, open, sayTimes } from "./page.js";

const EVERY_MS = 2000;
const AGES_EVERY_MS = 500;
const OLD_MS = 5000;
const PARTS = ["venues", "events"];

const { store } = open({ channels: ["feeds", "bots", "positions"] });
const form = document.querySelector("[data-filter]");
let isAsking = false;

function ages() {
  for (const cell of document.querySelectorAll("[data-age]")) {
    const old = store.now() - millis(cell.dataset.age);
    const isAgo = "ago" in cell.dataset;
    put(cell, Number.isNaN(old) ? "never" : `${span(Math.max(0, old))}${isAgo ? " ago" : ""}`);
    if (!isAgo) toneClass(cell, old > OLD_MS ? "down" : "");
  }
}

async function refresh() {
  if (isAsking) return;
  isAsking = true;
  try {
    const query = new URLSearchParams(new FormData(form));
    query.set("part", "1");
    const answer = await fetch(`${location.pathname}?${query}`, { credentials: "same-origin" });
    // Signed out meanwhile: the sign-in page came instead.
    if (answer.redirected) location.reload();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of PARTS) morph(document.getElementById(id), fresh.getElementById(id));
    sayTimes();
    ages();
  } catch {
    // The safety bar says that the server cannot be reached.
  } finally {
    isAsking = false;
  }
}

form.addEventListener("change", () => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  isAsking = false;
  refresh();
});
localTimes();
ages();
setInterval(ages, AGES_EVERY_MS);
setInterval(() => document.hidden || refresh(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
