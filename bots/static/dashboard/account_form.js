// On the page of a new account: what belongs to the chosen mode is shown, the rest is not.
function follow(select) {
  const show = () => {
    for (const section of document.querySelectorAll("fieldset.mode-paper, fieldset.mode-venue"))
      section.hidden = section.classList.contains("mode-paper") !== (select.value === "paper");
  };
  select.addEventListener("change", show);
  show();
}

document.addEventListener("DOMContentLoaded", () => {
  const select = document.querySelector("select#id_mode");
  if (select && document.querySelector("fieldset.mode-venue")) follow(select);
});
