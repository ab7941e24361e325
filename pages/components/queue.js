// The queue: rows in the order in which they start, kept by id. A run is moved among those of its batch and priority, with
// the mouse or from the keyboard; while somebody moves one, nothing else changes its place.
const COMMIT_MS = 700, ANSWER_MS = 4000, EDGE_PX = 70, STEP_PX = 14;
const PRIORITIES = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

let lists = 0;

function makeRow(help) {
  const row = { root: el("li", "rp-queued") };
  row.handle = push("rp-handle", "⠿", row.root);
  row.handle.setAttribute("aria-describedby", help);
  row.place = el("span", "rp-place", row.root);
  const main = el("div", "rp-row-main", row.root);
  row.title = el("a", "rp-row-title", main);
  row.sub = el("div", "rp-row-sub", main);
  row.why = el("div", "rp-why", row.root);
  row.priority = el("select", "rp-priority", row.root);
  for (const number of PRIORITIES) {
    const option = el("option", "", row.priority);
    option.value = option.textContent = number;
  }
  row.more = push("rp-button rp-more", "⋯", row.root);
  row.more.title = "More";
  row.more.setAttribute("aria-haspopup", "menu");
  row.more.setAttribute("aria-expanded", "false");
  return row;
}

class Queue {
  constructor(root) {
    this.rows = new Map();
    this.list = el("ol", "rp-queue", root);
    this.none = el("p", "rp-none", root);
    this.help = el("p", "rp-unseen", root);
    this.help.id = `rp-queue-help-${lists += 1}`;
    this.help.textContent = "Alt with the up or down arrow moves it. Or press space, then the arrows; space again drops it, escape puts it back.";
    this.said = el("p", "rp-unseen", root);
    this.said.setAttribute("role", "status");
    this.held = null; // the row being moved: { row, before, by: "mouse" | "space" | "alt" }
    this.sent = "";
    this.sentAt = 0;
  }

  // Data that come while a row is moved, or before the answer to a move, wait.
  take(data) {
    this.latest = data;
    const waits = this.sent && data.answered !== this.sent && Date.now() - this.sentAt < ANSWER_MS;
    if (this.held || waits) return;
    this.sent = "";
    this.draw(data);
  }

  draw(data) {
    this.list.setAttribute("aria-label", data.label);
    this.list.hidden = !data.rows.length;
    text(this.none, data.rows.length ? "" : data.none);
    const keep = new Set(data.rows.map((row) => row.id));
    for (const [id, row] of this.rows) if (!keep.has(id)) { row.root.remove(); this.rows.delete(id); }
    const focused = document.activeElement;
    data.rows.forEach((given, place) => {
      const row = this.rows.get(given.id) ?? makeRow(this.help.id);
      this.rows.set(given.id, row);
      if (this.list.children[place] !== row.root) this.list.insertBefore(row.root, this.list.children[place] ?? null);
      this.fill(row, given);
    });
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  }

  fill(row, given) {
    row.given = given;
    row.root.dataset.id = given.id;
    row.handle.disabled = !given.group;
    row.handle.setAttribute("aria-label", `Move ${given.title}`);
    row.place.textContent = given.place;
    text(row.title, given.title);
    row.title.href = given.href;
    row.title.title = given.title;
    follow(row.title, () => this.tell("open", given.id));
    text(row.sub, given.sub);
    text(row.why, given.why);
    row.why.dataset.tone = given.tone;
    row.priority.disabled = !given.prioritised;
    row.priority.setAttribute("aria-label", `Priority of ${given.title}`);
    row.priority.title = given.own ? "Its own priority" : "The priority of its batch";
    row.priority.classList.toggle("rp-own", given.own);
    if (document.activeElement !== row.priority) row.priority.value = given.priority;
    row.priority.onchange = () => this.tell("priority", { id: given.id, n: Number(row.priority.value), version: given.version });
    row.more.hidden = !given.more.length;
    row.more.setAttribute("aria-label", `More for ${given.title}`);
    row.more.onclick = () => openMenu(row.more, given.more, (verb) => this.tell("act", { id: given.id, verb, version: given.version }));
    row.handle.onpointerdown = (event) => { if (event.button === 0 && given.group) this.drag(row, event); };
    row.handle.onkeydown = (event) => this.key(row, event);
    row.handle.onblur = () => { if (this.held?.by === "space" && !this.held.moving) this.restore(); };
  }

  // --- moving: the rows of one group change places among themselves; all others stay where they are -------------------

  group(row) { return [...this.list.children].map((root) => this.rows.get(root.dataset.id)).filter((one) => one.given.group && one.given.group === row.given.group); }
  hold(row, by) { this.held ??= { row, by, before: this.group(row).map((one) => one.given.id) }; }

  arrange(row, order) {
    const there = this.group(row), focused = document.activeElement;
    const numbers = there.map((one) => one.place.textContent);
    if (this.held) this.held.moving = true; // the row leaves the page for a moment: that is no loss of focus
    const slots = there.map((one) => { const slot = document.createComment(""); one.root.replaceWith(slot); return slot; });
    order.forEach((one, at) => { slots[at].replaceWith(one.root); one.place.textContent = numbers[at]; });
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    if (this.held) this.held.moving = false;
  }

  step(row, by) {
    const order = this.group(row), at = order.indexOf(row), to = at + by;
    if (to < 0 || to >= order.length) { this.say(`${row.given.title} is ${by < 0 ? "first" : "last"} already.`); return; }
    order.splice(to, 0, order.splice(at, 1)[0]);
    this.arrange(row, order);
    row.root.scrollIntoView({ block: "nearest" });
    this.say(`${row.given.title}: ${to + 1} of ${order.length} in ${row.given.batch}.`);
  }

  key(row, event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!row.given.group) return;
    if (by && (event.altKey || this.held?.by === "space")) {
      event.preventDefault();
      this.hold(row, "alt");
      this.step(row, by);
      if (this.held.by === "alt") { clearTimeout(this.timer); this.timer = setTimeout(() => this.drop(), COMMIT_MS); }
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (this.held?.by === "space") this.drop();
      else {
        this.hold(row, "space");
        this.mark(row, true);
        const order = this.group(row);
        this.say(`${row.given.title} is held: ${order.indexOf(row) + 1} of ${order.length}. Arrows move it, space drops it, escape puts it back.`);
      }
    } else if (event.key === "Escape" && this.held) this.restore();
  }

  drag(row, event) {
    if (this.held) this.drop();
    event.preventDefault();
    row.handle.focus({ preventScroll: true });
    this.hold(row, "mouse");
    this.mark(row, true);
    const grabbed = event.clientY - row.root.getBoundingClientRect().top;
    const main = row.root.closest('[data-testid="stMain"]') ?? document.scrollingElement;
    let y = event.clientY, frame = 0;
    const follow_ = () => {
      row.root.style.transform = "";
      const order = this.group(row), at = order.indexOf(row), top = y - grabbed, height = row.root.offsetHeight;
      const middle = (one) => { const box = one.root.getBoundingClientRect(); return box.top + box.height / 2; };
      let to = at;
      while (to > 0 && top < middle(order[to - 1])) to -= 1;
      if (to === at) while (to < order.length - 1 && top + height > middle(order[to + 1])) to += 1;
      if (to !== at) {
        order.splice(to, 0, order.splice(at, 1)[0]);
        this.arrange(row, order);
      }
      row.root.style.transform = `translateY(${y - grabbed - row.root.getBoundingClientRect().top}px)`;
    };
    const scroll = () => {
      const by = y < EDGE_PX ? -STEP_PX : y > innerHeight - EDGE_PX ? STEP_PX : 0;
      if (by) { main.scrollBy(0, by); follow_(); }
      frame = requestAnimationFrame(scroll);
    };
    const move = (moved) => { y = moved.clientY; follow_(); };
    const end = (ended) => {
      cancelAnimationFrame(frame);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      window.removeEventListener("keydown", escape, true);
      row.root.style.transform = "";
      if (ended.type === "pointerup") this.drop();
      else this.restore();
    };
    const escape = (pressed) => { if (pressed.key === "Escape") { pressed.preventDefault(); end(pressed); } };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
    window.addEventListener("keydown", escape, true);
    frame = requestAnimationFrame(scroll);
  }

  mark(row, held) {
    row.root.classList.toggle("rp-held", held);
    this.list.classList.toggle("rp-moving", held);
    row.handle.setAttribute("aria-pressed", String(held));
    for (const one of this.rows.values()) one.root.classList.toggle("rp-aside", held && one.given.group !== row.given.group);
  }

  // Nothing is written for a row that came back to where it was.
  drop() {
    const { row, before } = this.held;
    clearTimeout(this.timer);
    this.mark(row, false);
    this.held = null;
    const ids = this.group(row).map((one) => one.given.id);
    if (ids.join() === before.join()) { this.draw(this.latest); return; }
    this.sent = `${row.given.id}:${Date.now()}`;
    this.sentAt = Date.now();
    setTimeout(() => { if (this.sent && !this.held) { this.sent = ""; this.draw(this.latest); } }, ANSWER_MS);
    this.say(`${row.given.title} is now ${ids.indexOf(row.given.id) + 1} of ${ids.length} in ${row.given.batch}.`);
    this.tell("order", { batch: row.given.batch_id, seen: before, ids, token: this.sent });
  }

  restore() {
    const { row } = this.held;
    clearTimeout(this.timer);
    this.mark(row, false);
    this.held = null;
    this.draw(this.latest);
    this.say(`${row.given.title} is back where it was.`);
  }

  say(words) { this.said.textContent = words; }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const queue = (parentElement.repriseQueue ||= new Queue(parentElement));
  queue.tell = setTriggerValue;
  queue.take(data);
}
