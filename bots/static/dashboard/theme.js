// Runs before the first paint. The key and the attribute are those of the Django admin, so that one choice serves both.
(() => {
  const root = document.documentElement;
  const remembered = () => localStorage.getItem("theme") || "auto";
  root.dataset.theme = remembered();
  const next = { auto: "light", light: "dark", dark: "auto" };
  const say = { auto: ["◐", "Colours follow the system"], light: ["○", "Light colours"], dark: ["●", "Dark colours"] };
  const label = (button) => {
    const [glyph, words] = say[remembered()] || say.auto;
    button.textContent = glyph;
    button.title = `${words}. Click to change.`;
    button.setAttribute("aria-label", button.title);
  };
  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    label(button);
    button.addEventListener("click", () => {
      localStorage.setItem("theme", next[remembered()] || "auto");
      root.dataset.theme = remembered();
      label(button);
      dispatchEvent(new Event("themechange"));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
})();
