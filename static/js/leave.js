// A form with unsaved input asks before it is left, and is not touched by live updates.
(() => {
  const edited = () => document.querySelector("form[data-edited]");
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-guard]");
    if (form) form.dataset.edited = "";
  });
  document.addEventListener("submit", (event) => { delete event.target.dataset.edited; });
  addEventListener("beforeunload", (event) => { if (edited()) event.preventDefault(); });
})();
