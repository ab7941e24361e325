// What every list of ours is made with. Text of other people goes into textContent only.
function el(name, cls, parent) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (parent) parent.append(made);
  return made;
}
function text(node, value) {
  const said = value ?? "";
  if (node.textContent !== said) node.textContent = said;
  node.hidden = !said;
}
function push(cls, label, parent) {
  const made = el("button", cls, parent);
  made.type = "button";
  made.textContent = label;
  return made;
}

// Links to our own pages are followed without loading everything anew; a second click on the way there is none.
const OPENING_MS = 1500;
function follow(link, open) {
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (Date.now() - (link.openedAt ?? 0) < OPENING_MS) return;
    link.openedAt = Date.now();
    open();
  };
}
