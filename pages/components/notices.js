// What somebody is told, newest first. Each leads to what it is about; what is not read yet has a dot.
function makeNotice() {
  const one = { root: el("li", "rp-told") };
  one.title = el("a", "rp-told-title", one.root);
  one.name = el("b", "", one.title);
  one.what = el("span", "", one.title);
  one.when = el("time", "", one.root);
  one.said = el("p", "", one.root);
  return one;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const state = (parentElement.repriseTold ||= { made: new Map(), list: null, none: null });
  if (!state.list) {
    state.list = el("ul", "rp-tolds", parentElement);
    state.none = el("p", "rp-none", parentElement);
  }
  state.list.setAttribute("aria-label", data.label);
  state.list.classList.toggle("rp-few", data.few);
  text(state.none, data.notices.length ? "" : data.none);
  const keep = new Set(data.notices.map((one) => one.number));
  for (const [number, one] of state.made) if (!keep.has(number)) { one.root.remove(); state.made.delete(number); }
  data.notices.forEach((given, place) => {
    const one = state.made.get(given.number) ?? makeNotice();
    state.made.set(given.number, one);
    if (state.list.children[place] !== one.root) state.list.insertBefore(one.root, state.list.children[place] ?? null);
    one.root.dataset.tone = given.tone;
    one.root.dataset.read = given.read ? "yes" : "no";
    one.title.href = given.href;
    one.title.title = `${given.title} ${given.what}`;
    one.title.setAttribute("aria-label", `${given.read ? "" : "Unread: "}${given.title} ${given.what}`);
    text(one.name, given.title);
    text(one.what, ` ${given.what}`);
    text(one.when, given.when);
    text(one.said, given.said);
    follow(one.title, () => setTriggerValue("open", given.number));
  });
}
