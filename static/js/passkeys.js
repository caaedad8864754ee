// <button data-passkey="create|get" data-options="{…}" data-form="#id">: asks the browser for a security key and sends
// the form with its answer. The element with role=status beside it says what went wrong.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const asked = (kind, options) => {
    options.challenge = bytes(options.challenge);
    if (kind === "get") return { ...options, allowCredentials: withBytes(options.allowCredentials) };
    const user = { ...options.user, id: bytes(options.user.id) };
    return { ...options, user, excludeCredentials: withBytes(options.excludeCredentials) };
  };
  const told = (found) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (found.response[name]) response[name] = text(found.response[name]);
    return JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-passkey]");
    if (!button) return;
    const form = document.querySelector(button.dataset.form);
    const status = button.parentElement.querySelector("[role=status]");
    if (!form.reportValidity()) return;
    if (!window.PublicKeyCredential) { status.textContent = status.dataset.absent; return; }
    try {
      const publicKey = asked(button.dataset.passkey, JSON.parse(button.dataset.options));
      form.elements.answer.value = told(await navigator.credentials[button.dataset.passkey]({ publicKey }));
      form.requestSubmit();
    } catch (error) {
      status.textContent = error.name === "SecurityError" ? status.dataset.absent : status.dataset.failed;
    }
  });
})();
