// Entry of the pages that are tables: safety bar, times, bars of a stored decision, choices that submit themselves.
import { localTimes, open } from "./page.js";
import { bar } from "./signals.js";

for (const meter of document.querySelectorAll(".meter[data-value]")) {
  bar(meter, Number(meter.dataset.value));
  const mark = meter.querySelector("u");
  if (mark) mark.style.setProperty("--at", Number(mark.dataset.at));
}
for (const select of document.querySelectorAll("select[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());
localTimes();
if (document.querySelector(".safety")) open();
