// Making what is on the page like what the server sent just now, in place: focus, scroll and selection survive.
import { flash } from "./dom.js";

/** Ages and times are ours to write, once they know what of. */
const OURS = "[data-age], time[datetime]";

function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "class") old.removeAttribute(name);
}

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;

/** Makes `old` like `fresh`: elements with data-key are found by it, others by their place. Figures marked with data-mark show that they changed. */
export function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  attributes(old, fresh);
  if (old.matches(OURS)) return;
  const before = old.hasAttribute("data-mark") ? old.textContent : null;
  const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = wanted.dataset?.key ? keyed.get(wanted.dataset.key) : place && alike(place, wanted) ? place : null;
    if (!known) {
      old.insertBefore(wanted, place);
      continue;
    }
    if (known === place) place = place.nextSibling;
    else old.insertBefore(known, place);
    morph(known, wanted);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
  if (before !== null && before !== old.textContent) flash(old);
}
