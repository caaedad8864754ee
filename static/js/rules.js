// The table of rules: rows are added, taken away and moved in place; only what the chosen peer and protocol need is offered.
(() => {
  const table = document.getElementById("rules");
  if (!table) return;
  const body = table.tBodies[0];
  const total = document.getElementById("id_rules-TOTAL_FORMS");
  const template = document.getElementById("rule-row");
  const field = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const changed = () => body.dispatchEvent(new Event("input", { bubbles: true }));

  const fit = (row) => {
    const addresses = field(row, "peer_addresses");
    // Addresses are a peer of their own, or narrow a group.
    addresses.hidden = !/^(address$|group:)/.test(field(row, "peer").value);
    const protocol = field(row, "protocol").value.trim().toLowerCase();
    const hasPorts = ["tcp", "udp", "6", "17"].includes(protocol);
    field(row, "ports").placeholder = hasPorts ? table.dataset.ports : "–";
  };
  const add = () => {
    const index = Number(total.value);
    body.insertAdjacentHTML("beforeend", template.innerHTML.replaceAll("__prefix__", String(index)));
    total.value = String(index + 1);
    const row = body.lastElementChild;
    fit(row);
    field(row, "priority").focus();
    changed();
  };
  const remove = (row) => {
    field(row, "DELETE").checked = true;
    row.classList.add("gone");
    const rows = [...body.rows].filter((one) => !one.classList.contains("gone"));
    (rows.at(-1)?.querySelector("[data-remove]") || document.getElementById("rule-add")).focus();
    changed();
  };
  // Alt with the arrows steps the priority: the order of rules is their priority, not their place on the screen.
  const step = (row, by) => {
    const priority = field(row, "priority");
    priority.value = String(Math.min(100, Math.max(1, Number(priority.value) + by)));
    changed();
  };
  table.addEventListener("input", (event) => { const row = event.target.closest("tr"); if (row) fit(row); });
  table.addEventListener("click", (event) => { if (event.target.closest("[data-remove]")) remove(event.target.closest("tr")); });
  table.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || !event.altKey) return;
    event.preventDefault();
    step(event.target.closest("tr"), by);
  });
  document.getElementById("rule-add").addEventListener("click", add);
  for (const row of body.rows) fit(row);
})();
