// Changing the page in place.

/** h("li", {class: "x", onclick: f, dataset: {id: 1}}, "text", child) */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (selector, root = document) => root.querySelector(selector);

/** Sets text only where it differs, and marks a figure that changed for a moment. */
export function put(element, value, { mark = false } = {}) {
  const shown = String(value);
  if (!element || element.textContent === shown) return false;
  const first = element.textContent === "";
  element.textContent = shown;
  if (mark && !first) flash(element);
  return true;
}

export function flash(element) {
  element.classList.remove("changed");
  void element.offsetWidth;
  element.classList.add("changed");
}

export function toneClass(element, tone) {
  element.classList.toggle("up", tone === "up");
  element.classList.toggle("down", tone === "down");
}

/**
 * Keeps one child per item in the order given: makes, updates and removes, and moves only what is out of place,
 * so that focus, scroll and hover survive.
 */
export function keyed(parent, items, { key, make, update }) {
  const old = new Map([...parent.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    let child = old.get(id);
    if (child) old.delete(id);
    else {
      child = make(item);
      child.dataset.key = id;
    }
    update?.(child, item);
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
  }
  for (const child of old.values()) child.remove();
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
