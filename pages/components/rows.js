// A list of runs or batches. Rows are kept by id, so that nothing moves or loses focus when one of them changes.
const BUSY_MS = 4000;

function makeRow() {
  const row = { root: el("li", "rp-row") };
  row.main = el("div", "rp-row-main", row.root);
  row.poster = el("span", "rp-row-poster", row.main);
  const head = el("div", "rp-row-head", row.main);
  row.badge = el("span", "rp-badge", head);
  row.number = el("span", "rp-row-number", head);
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
  row.tries = el("details", "rp-tries", row.root);
  row.counted = el("summary", "", row.tries);
  row.ledger = el("ol", "", row.tries);
  return row;
}

function drawActions(row, given, act) {
  const wanted = JSON.stringify([given.actions, given.more, given.save, given.version]);
  if (row.wanted === wanted) return;
  row.wanted = wanted;
  const focused = row.actions.contains(document.activeElement) ? document.activeElement.dataset.verb : null;
  const send = (verb) => {
    for (const other of row.actions.children) other.disabled = true;
    setTimeout(() => { for (const other of row.actions.children) other.disabled = false; }, BUSY_MS);
    act({ id: given.id, verb, version: given.version });
  };
  const buttons = given.actions.map(([verb, label]) => {
    const button = push("rp-button", label);
    button.dataset.verb = verb;
    button.setAttribute("aria-label", `${label}: ${given.title}`);
    button.onclick = () => send(verb);
    return button;
  });
  if (given.save) {
    const link = el("a", "rp-button rp-row-save");
    link.textContent = "Save";
    link.href = given.save;
    link.download = "";
    link.setAttribute("aria-label", `Save the video: ${given.title}`);
    buttons.unshift(link);
  }
  if (given.more.length) {
    const button = push("rp-button rp-more", "⋯");
    button.dataset.verb = "more";
    button.title = "More";
    button.setAttribute("aria-label", `More for ${given.title}`);
    button.setAttribute("aria-haspopup", "menu");
    button.setAttribute("aria-expanded", "false");
    button.onclick = () => openMenu(button, given.more, send);
    buttons.push(button);
  }
  row.actions.replaceChildren(...buttons);
  if (focused) (buttons.find((one) => one.dataset.verb === focused) ?? buttons[0])?.focus({ preventScroll: true });
}

function drawTries(row, tries) {
  row.tries.hidden = !tries;
  const wanted = JSON.stringify(tries);
  if (row.told === wanted) return;
  row.told = wanted;
  row.counted.textContent = tries?.said ?? "";
  row.ledger.replaceChildren(...(tries?.lines ?? []).map(([when, what, why]) => {
    const line = el("li");
    el("time", "", line).textContent = when;
    el("b", "", line).textContent = what;
    if (why) el("span", "", line).textContent = why;
    return line;
  }));
}

function drawPoster(row, address) {
  if (row.pictured === address) return;
  row.pictured = address;
  row.poster.replaceChildren();
  if (!address) return;
  const picture = el("img", "", row.poster);
  picture.alt = "";
  picture.decoding = "async";
  picture.loading = "lazy";
  picture.onerror = () => picture.remove();
  picture.src = address;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = (parentElement.repriseRows ||= { rows: new Map(), list: null, none: null });
  if (!state.list) {
    state.list = el("ul", "rp-rows", parentElement);
    state.none = el("p", "rp-none", parentElement);
  }
  const pictured = data.rows.some((row) => row.poster);
  state.list.className = `rp-rows ${data.look}${pictured ? " rp-pictured" : ""}`;
  state.list.setAttribute("aria-label", data.label);
  text(state.none, data.rows.length ? "" : data.none);
  const keep = new Set(data.rows.map((row) => row.id));
  for (const [id, row] of state.rows) if (!keep.has(id)) { row.root.remove(); state.rows.delete(id); }
  data.rows.forEach((given, place) => {
    const row = state.rows.get(given.id) ?? makeRow();
    state.rows.set(given.id, row);
    if (state.list.children[place] !== row.root) state.list.insertBefore(row.root, state.list.children[place] ?? null);
    row.root.dataset.id = given.id;
    drawPoster(row, given.poster);
    text(row.badge, given.badge);
    row.badge.dataset.tone = given.tone;
    text(row.number, given.number);
    text(row.title, given.title);
    row.title.href = given.href;
    row.title.title = given.title;
    follow(row.title, () => setTriggerValue("open", given.id));
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
    drawTries(row, given.tries);
    drawActions(row, given, (wanted) => setTriggerValue("act", wanted));
    row.actions.hidden = !row.actions.children.length;
  });
}
