// The versions of a recording: as it came, without its silence, exported. What was said is at another time in each of
// them; a moment is known by its time in the recording, and placed on the timeline of the version that is shown.
function placed(kept, seconds) {
  if (!kept) return seconds;
  let before = 0;
  for (const { start, end } of kept) {
    if (seconds < start) return before; // it was cut: where the next thing that was kept begins
    if (seconds < end) return before + seconds - start;
    before += end - start;
  }
  return before;
}
function moment(kept, seconds) {
  if (!kept) return seconds;
  let before = 0;
  for (const { start, end } of kept) {
    if (seconds < before + end - start) return start + seconds - before;
    before += end - start;
  }
  return kept.length ? kept[kept.length - 1].end : 0;
}
// The spans of the recording that a version kept; throws when they cannot be had.
async function cutsAt(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText || `answer ${answer.status}`);
  const { kept } = await answer.json();
  if (!Array.isArray(kept)) throw new Error("it is no list of cuts");
  return kept;
}

class Versions {
  constructor(parent, onpick) {
    this.root = el("div", "rp-versions", parent);
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Version of the recording");
    this.onpick = onpick;
    this.list = [];
  }

  // The version that is shown; the first where the chosen one is gone.
  get shown() {
    return this.list.find((one) => one.key === this.chosen) ?? this.list[0];
  }

  update(list) {
    const wanted = JSON.stringify(list);
    if (this.wanted === wanted) return;
    this.wanted = wanted;
    this.list = list;
    this.root.hidden = list.length < 2;
    this.root.replaceChildren(...list.map((one) => {
      const button = el("button", "", null, one.label);
      button.type = "button";
      button.onclick = () => { this.chosen = one.key; this.mark(); this.onpick(one); };
      return button;
    }));
    this.mark();
  }

  mark() {
    [...this.root.children].forEach((button, place) => {
      button.setAttribute("aria-pressed", String(this.list[place] === this.shown));
    });
  }
}
