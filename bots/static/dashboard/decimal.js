// Exact arithmetic on decimal strings: an integer of units and how many digits of it come after the point.

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Reads "61102.70", -3 or "1E-7". Gives null for what is not a number. */
export function decimal(value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "object") return value;
  const match = PATTERN.exec(String(value).trim());
  if (!match || !(match[2] || match[3])) return null;
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  let units = BigInt(`${whole}${fraction}` || "0");
  let scale = fraction.length - Number(exponent);
  if (scale < 0) {
    units *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { units: sign === "-" ? -units : units, scale };
}

const raise = (number, scale) => number.units * 10n ** BigInt(scale - number.scale);

export function add(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return { units: raise(a, scale) + raise(b, scale), scale };
}

export const negate = (a) => ({ units: -a.units, scale: a.scale });
export const subtract = (a, b) => add(a, negate(b));
export const multiply = (a, b) => ({ units: a.units * b.units, scale: a.scale + b.scale });
export const sign = (a) => (a.units > 0n ? 1 : a.units < 0n ? -1 : 0);
export const ZERO = { units: 0n, scale: 0 };

/** Rounds half away from zero to `places` digits after the point. */
export function round(a, places) {
  if (a.scale <= places) return { units: raise(a, places), scale: places };
  const divisor = 10n ** BigInt(a.scale - places);
  const magnitude = a.units < 0n ? -a.units : a.units;
  const units = (magnitude + divisor / 2n) / divisor;
  return { units: a.units < 0n ? -units : units, scale: places };
}

/** Digits after the point that carry information: 0.01000000 has 2. */
export function places(value) {
  const a = decimal(value);
  if (!a) return 0;
  let { units, scale } = a;
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n;
    scale -= 1;
  }
  return scale;
}

/** Plain digits, with thousands separated. The minus is a real minus sign. */
export function text(a, { digits, signed = false, group = true } = {}) {
  const rounded = digits === undefined ? a : round(a, digits);
  const negative = rounded.units < 0n;
  const raw = String(negative ? -rounded.units : rounded.units).padStart(rounded.scale + 1, "0");
  let whole = rounded.scale ? raw.slice(0, -rounded.scale) : raw;
  const fraction = rounded.scale ? `.${raw.slice(-rounded.scale)}` : "";
  if (group) whole = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const prefix = negative ? "−" : signed && rounded.units > 0n ? "+" : "";
  return `${prefix}${whole}${fraction}`;
}

/** For drawing only: where a pixel is the precision, a float is enough. */
export const toFloat = (value) => {
  const a = decimal(value);
  return a ? Number(a.units) / 10 ** a.scale : NaN;
};
