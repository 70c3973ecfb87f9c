// A short message at the edge of the page, and the question before an act that cannot be undone.
import { find, h } from "./dom.js";

const SHOWN_MS = 8000;

export function toast(text, kind = "") {
  const corner = find(".toasts") ?? document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }));
  const message = h("div", { class: `toast ${kind}` }, h("p", {}, text));
  message.append(h("button", { class: "quiet tight", "aria-label": "Dismiss", onclick: () => message.remove() }, "✕"));
  corner.append(message);
  setTimeout(() => message.remove(), SHOWN_MS);
}

/** Asks with the consequence in plain words. Resolves true when the person goes ahead. */
export function confirmed({ title, consequence, act, danger = false }) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "question" });
    const answer = (yes) => {
      dialog.close();
      dialog.remove();
      resolve(yes);
    };
    dialog.append(
      h("h2", { id: "question" }, title),
      h("p", {}, consequence),
      h(
        "div",
        { class: "choices" },
        h("button", { onclick: () => answer(false) }, "Leave it"),
        h("button", { class: danger ? "danger" : "primary", autofocus: true, onclick: () => answer(true) }, act),
      ),
    );
    dialog.addEventListener("cancel", () => answer(false));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Runs an act of a button: disabled meanwhile, refusals shown. Resolves to the answer, or undefined when it failed. */
export async function acting(button, act) {
  if (button) button.disabled = true;
  try {
    return await act();
  } catch (error) {
    toast(error.message, "bad");
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}
