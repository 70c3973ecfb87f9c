// How numbers, times and words look. Money stays exact; scores are floats.
import { decimal, places, sign, text } from "./decimal.js";

const DASH = "–";

export const money = (value, digits = 2) => {
  const a = decimal(value);
  return a ? text(a, { digits, signed: true }) : DASH;
};

export const amount = (value, digits) => {
  const a = decimal(value);
  return a ? text(a, { digits: digits ?? places(value) }) : DASH;
};

export const price = (value, digits) => amount(value, digits);

/** A score in [-1, 1] with its sign. */
export const score = (value, digits = 2) => {
  if (value === null || value === undefined || Number.isNaN(Number(value))) return DASH;
  const rounded = Number(value).toFixed(digits);
  if (Number(rounded) === 0) return Number(0).toFixed(digits);
  return Number(value) > 0 ? `+${rounded}` : rounded.replace("-", "−");
};

export const percent = (fraction, digits = 0, signed = false) => {
  if (fraction === null || fraction === undefined || Number.isNaN(Number(fraction))) return DASH;
  const shown = (Number(fraction) * 100).toFixed(digits).replace("-", "−");
  return `${signed && Number(fraction) > 0 ? "+" : ""}${shown} %`;
};

/** "up", "down" or "": the class of a figure that means gain or loss. */
export const tone = (value) => {
  const a = decimal(value);
  return !a ? "" : ["down", "", "up"][sign(a) + 1];
};

export const toneOfScore = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");

/** Milliseconds since the epoch from ISO text, or an integer of s, ms, us or ns. NaN when there is none. */
export function millis(value) {
  if (value === null || value === undefined || value === "") return NaN;
  if (typeof value === "string" && !/^\d+(\.\d+)?$/.test(value)) return Date.parse(value);
  const number = Number(value);
  if (number > 1e17) return number / 1e6;
  if (number > 1e14) return number / 1e3;
  return number > 1e11 ? number : number * 1000;
}

export const zone = {
  get local() {
    return localStorage.getItem("clock") === "local";
  },
  toggle() {
    localStorage.setItem("clock", this.local ? "utc" : "local");
    dispatchEvent(new Event("zonechange"));
  },
};

const pad = (number) => String(number).padStart(2, "0");

/** HH:MM:SS in the chosen zone. */
export function clock(value, { seconds = true } = {}) {
  const ms = millis(value);
  if (Number.isNaN(ms)) return DASH;
  const date = new Date(ms);
  const [h, m, s] = zone.local
    ? [date.getHours(), date.getMinutes(), date.getSeconds()]
    : [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  return seconds ? `${pad(h)}:${pad(m)}:${pad(s)}` : `${pad(h)}:${pad(m)}`;
}

export function stamp(value, { precise = false } = {}) {
  const ms = millis(value);
  if (Number.isNaN(ms)) return DASH;
  const date = new Date(ms);
  const [y, m, d] = zone.local
    ? [date.getFullYear(), date.getMonth(), date.getDate()]
    : [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const fraction = precise ? `.${String(Math.floor(ms % 1000)).padStart(3, "0")}` : "";
  return `${y}-${pad(m + 1)}-${pad(d)} ${clock(ms)}${fraction}`;
}

/** "0.4 s", "12 s", "3 min", "2 h", "5 d". */
export function span(ms) {
  if (!(ms >= 0)) return DASH;
  const s = ms / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129_600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

/** Ages that people read once a second need no tenths. */
export const age = (ms) => (ms < 1000 ? "now" : span(Math.floor(ms / 1000) * 1000).replace(".0", ""));

const NAMES = {
  technical: "Technical",
  speed: "Speed",
  microstructure: "Microstructure",
  oi: "Open interest",
  open_interest: "Open interest",
  options: "Options flow",
  options_flow: "Options flow",
  sentiment: "Sentiment",
  volatility: "Volatility",
};

export const words = (code) => String(code ?? "").replaceAll("_", " ");
export const componentName = (code) => NAMES[code] ?? words(code).replace(/^./, (first) => first.toUpperCase());
/** Figures within text below zero with a minus sign, as elsewhere. */
export const minus = (text) => String(text ?? "").replace(/(^|[\s(×:])-(?=\.?\d)/g, "$1−");
/** What the engine says in passing, as a sentence of its own. */
export const sentence = (text) => (text ? minus(`${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`) : "");
export const withoutAction = (text) => minus(text).replace(/^(BUY|SELL|HOLD): /, "");
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
