// Makes one element equal to another in place: what did not change stays the same node, so that focus, selection and
// scroll positions live on. Open menus, focused fields, edited forms and plots are left alone.
(() => {
  const FIELDS = new Set(["INPUT", "SELECT", "TEXTAREA"]);

  const busy = (element) =>
    element.matches("details[open], form[data-edited], [data-keep]") ||
    (FIELDS.has(element.tagName) && element === document.activeElement);

  const copyAttributes = (from, to) => {
    for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  };
  const sameKind = (a, b) => a && a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");

  // The node that is to stand for `wanted` at the place of `here`: the one there, one of that id further on, or a new one.
  const match = (parent, here, wanted) => {
    if (sameKind(here, wanted)) return here;
    const later = wanted.id && [...parent.children].find((child) => child.id === wanted.id);
    const node = later || document.importNode(wanted, true);
    parent.insertBefore(node, here);
    return node;
  };
  const copyChildren = (from, to) => {
    let here = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const node = match(from, here, wanted);
      morph(node, wanted);
      here = node.nextSibling;
    }
    while (here) { const next = here.nextSibling; here.remove(); here = next; }
  };
  function morph(from, to) {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (busy(from) || from.isEqualNode(to)) return;
    copyAttributes(from, to);
    copyChildren(from, to);
  }
  window.Contiv = Object.assign(window.Contiv || {}, { morph });
})();
