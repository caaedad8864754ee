// A form that was refused is opened at its first wrong field.
(() => {
  if (document.activeElement && document.activeElement !== document.body) return;
  document.querySelector("form [aria-invalid=true]:not([type=search], :disabled)")?.focus();
})();
