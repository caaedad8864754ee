// Lists: a filter acts when it is chosen, empty parameters stay out of the address, "/" goes to the search field.
(() => {
  const form = document.querySelector("form[data-filters]");
  if (!form) return;
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
  // Coming back with the browser's button shows the page as it was left: with its empty fields disabled.
  addEventListener("pageshow", () => { for (const field of form.elements) field.disabled = false; });
  // With two text fields a browser sends nothing by itself.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches("input[type=search]")) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    form.querySelector("input[type=search]")?.focus();
  });
})();
