// <button data-copy="#id" data-done="Copied">: puts the text of that element on the clipboard.
(() => {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    const words = button.querySelector("[data-words]");
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      words.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(source);  // no clipboard without TLS: select it, Ctrl-C does the rest
    }
  });
})();
