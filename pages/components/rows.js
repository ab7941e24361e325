// A list of runs or batches. Rows are kept by id, so that nothing moves or loses focus when one of them changes.
const OPENING_MS = 1500;

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
function makeRow() {
  const row = { root: el("li", "rp-row") };
  row.main = el("div", "rp-row-main", row.root);
  const head = el("div", "rp-row-head", row.main);
  row.badge = el("span", "rp-badge", head);
  row.title = el("a", "rp-row-title", head);
  row.sub = el("div", "rp-row-sub", row.main);
  row.side = el("div", "rp-row-side", row.root);
  row.meter = el("div", "rp-meter", row.side);
  row.meter.setAttribute("role", "progressbar");
  row.fill = el("i", "", row.meter);
  row.said = el("div", "rp-row-said", row.side);
  row.actions = el("div", "rp-row-actions", row.root);
  row.error = el("div", "rp-row-error", row.root);
  row.message = el("span", "rp-row-message", row.error);
  row.hint = el("span", "rp-row-hint", row.error);
  return row;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = (parentElement.repriseRows ||= { rows: new Map(), list: null, none: null });
  if (!state.list) {
    state.list = el("ul", "rp-rows", parentElement);
    state.none = el("p", "rp-none", parentElement);
  }
  state.list.classList.toggle("rp-compact", Boolean(data.compact));
  state.list.setAttribute("aria-label", data.label);
  text(state.none, data.rows.length ? "" : data.none);
  const keep = new Set(data.rows.map((row) => row.id));
  for (const [id, row] of state.rows) if (!keep.has(id)) { row.root.remove(); state.rows.delete(id); }
  data.rows.forEach((given, place) => {
    const row = state.rows.get(given.id) ?? makeRow();
    state.rows.set(given.id, row);
    if (state.list.children[place] !== row.root) state.list.insertBefore(row.root, state.list.children[place] ?? null);
    row.root.dataset.id = given.id;
    text(row.badge, given.badge);
    row.badge.dataset.tone = given.tone;
    text(row.title, given.title);
    row.title.href = given.href;
    row.title.title = given.title;
    row.title.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (Date.now() - (state.openedAt ?? 0) < OPENING_MS) return; // the other page is on its way
      state.openedAt = Date.now();
      setTriggerValue("open", given.id);
    };
    text(row.sub, given.sub);
    row.meter.hidden = given.progress === null;
    row.meter.dataset.tone = given.tone;
    row.meter.setAttribute("aria-valuenow", String(Math.round((given.progress ?? 0) * 100)));
    row.fill.style.width = `${(given.progress ?? 0) * 100}%`;
    text(row.said, given.said);
    row.side.hidden = given.progress === null && !given.said;
    row.error.hidden = !given.error;
    text(row.message, given.error);
    text(row.hint, given.hint);
    const wanted = JSON.stringify([given.actions, given.version]);
    if (row.wanted !== wanted) {
      row.wanted = wanted;
      row.actions.replaceChildren(...given.actions.map(([verb, label]) => {
        const button = el("button", "rp-button");
        button.type = "button";
        button.textContent = label;
        button.setAttribute("aria-label", `${label}: ${given.title}`);
        button.onclick = () => {
          for (const other of row.actions.children) other.disabled = true;
          setTimeout(() => { for (const other of row.actions.children) other.disabled = false; }, 4000);
          setTriggerValue("act", { id: given.id, verb, version: given.version });
        };
        return button;
      }));
    }
    row.actions.hidden = !given.actions.length;
  });
}
