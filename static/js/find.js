// Control-K (Command-K) goes to the box that finds anything, from wherever one is on the page.
(() => {
  const box = document.getElementById("find");
  if (!box) return;
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
})();
