// On narrow screens the side bar slides in and out.
(() => {
  const side = document.getElementById("side");
  const button = document.getElementById("side-open");
  if (!side || !button) return;
  const set = (open) => {
    side.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("a").focus();
  };
  button.addEventListener("click", (event) => { event.stopPropagation(); set(!side.classList.contains("open")); });
  document.addEventListener("click", (event) => { if (!side.contains(event.target)) set(false); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && side.classList.contains("open")) { set(false); button.focus(); }
  });
})();
