// Menus are <details class="menu">: closed by Escape, by a click elsewhere and by the focus moving on.
(() => {
  const open = () => document.querySelectorAll("details.menu[open]");
  const closeOthers = (inside) => open().forEach((menu) => { if (!menu.contains(inside)) menu.open = false; });
  document.addEventListener("click", (event) => closeOthers(event.target));
  document.addEventListener("focusin", (event) => closeOthers(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });
})();
