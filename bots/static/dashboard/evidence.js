// Entry of the evidence page: what every table page does, and the button that has it computed now.
import "./plain.js";
import { post } from "./api.js";
import { acting, toast } from "./toast.js";

const button = document.querySelector("[data-recompute]");
button?.addEventListener("click", async () => {
  const answer = await acting(button, () => post("/api/v1/evidence/recompute"));
  if (answer) toast(answer.asked ? "Asked for. Reload this page in a minute." : "Somebody asked within the last minute. Reload this page.");
});
