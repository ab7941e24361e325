// Highlights beside the player, clips that are rendered when somebody asks for them, and the tabs that hold it all.
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// A button that has the clip at this address rendered and saves it; what went wrong is said beside it.
function clipButton(parent, address, label, about) {
  const button = el("button", "rp-clip", parent, label);
  button.type = "button";
  button.title = about;
  button.setAttribute("aria-label", about);
  const said = el("span", "rp-clip-said", parent);
  said.setAttribute("role", "status");
  button.onclick = async () => {
    button.disabled = true;
    said.textContent = "";
    delete said.dataset.tone;
    button.textContent = "Rendering …";
    try {
      const told = await rendered(address, ({ share, waits }) => {
        button.textContent = waits ? "Waiting …" : `Rendering ${Math.floor(100 * share)}%`;
        said.textContent = waits ?? "";
      });
      said.textContent = "";
      const link = el("a", "", document.body);
      link.href = told.url;
      link.download = told.name;
      link.click();
      link.remove();
      said.textContent = "Saved";
    } catch (error) {
      said.textContent = error.message;
      said.dataset.tone = "bad";
    }
    button.textContent = label;
    button.disabled = false;
  };
  return button;
}

async function rendered(address, tell) {
  for (;;) {
    const answer = await fetch(address, { method: "POST", headers: { "X-Requested-With": "reprise" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error([told.detail, told.hint].filter(Boolean).join(" "));
    if (told.status === "failed") throw new Error([told.error, told.hint].filter(Boolean).join(" "));
    if (told.status === "ready") return told;
    tell(told);
    await wait(400);
  }
}

// The cards of the highlights; `link` makes a link that plays from a moment on.
function drawHighlights(parent, found, clips, link) {
  parent.replaceChildren();
  const list = found.highlights, head = el("h3", "", parent, "Highlights");
  el("small", "", head, `${list.length}${found.rejected ? `, ${found.rejected} rejected` : ""}`);
  if (!list.length) el("p", "rp-none", parent, "Nothing in this recording stood out.");
  if (found.note) el("p", "rp-source", parent, found.note);
  if (list.length > 1 && clips) {
    const all = el("p", "rp-reel", parent);
    clipButton(all, `${clips}reel`, "Save as one video", `All ${list.length} highlights one after another`);
  }
  list.forEach((one, place) => {
    const card = el("figure", "rp-quote rp-highlight", parent);
    const top = el("div", "rp-highlight-head", card);
    el("b", "", top, String(place + 1));
    const play = link(top, "rp-play", one.start, `▶ ${clock(one.start)}`);
    play.setAttribute("aria-label", `Play highlight ${place + 1} at ${clock(one.start)}`);
    el("span", "rp-length", top, `${Math.max(1, Math.round(one.end - one.start))} s`);
    const score = el("span", "rp-score", top, `${Math.round(100 * one.score)}%`);
    score.style.setProperty("--share", one.score);
    score.title = "How far it stands out";
    if (one.status === "repaired") {
      const badge = el("span", "rp-badge", top, "Repaired");
      badge.dataset.tone = "warn";
      badge.title = "Corrected to the words of the transcript.";
    }
    if (one.text) el("blockquote", "", card, one.text);
    const foot = el("figcaption", "", card);
    el("span", "rp-why", foot, one.reason.charAt(0).toUpperCase() + one.reason.slice(1));
    if (clips) clipButton(foot, clips + encodeURIComponent(one.highlight_id), "Save clip", `Save highlight ${place + 1} as a video`);
  });
}

// Three parts would make one long column, so each gets a tab; the arrow keys go from one to the next.
class Tabs {
  constructor(parent) {
    this.list = el("div", "rp-tabs", parent);
    this.list.setAttribute("role", "tablist");
    this.tabs = [];
    this.list.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const shown = this.tabs.filter((tab) => !tab.button.hidden);
      const at = shown.findIndex((tab) => tab.button === document.activeElement);
      const next = shown[(at + step + shown.length) % shown.length];
      next.button.focus();
      this.choose(next.name);
    };
  }

  add(name, label, panel) {
    const button = el("button", "rp-tab", this.list, label);
    button.type = "button";
    button.setAttribute("role", "tab");
    button.onclick = () => this.choose(name);
    this.tabs.push({ name, label, button, panel });
  }

  // How many are behind a tab; `more` is told on demand.
  count(name, number, more) {
    const tab = this.tabs.find((one) => one.name === name);
    tab.button.replaceChildren(tab.label, " ");
    el("small", "", tab.button, String(number));
    tab.button.title = more;
  }

  // Without `use` there are no tabs and every panel shows; `there` names the parts that exist.
  update(use, there) {
    this.list.hidden = !use;
    for (const tab of this.tabs) {
      tab.button.hidden = !there.includes(tab.name);
      tab.panel.toggleAttribute("data-tabbed", use);
    }
    if (!use) {
      for (const tab of this.tabs) { tab.panel.hidden = false; tab.panel.removeAttribute("role"); }
      return;
    }
    this.choose(there.includes(this.chosen) ? this.chosen : there[0]);
  }

  choose(name) {
    this.chosen = name;
    for (const tab of this.tabs) {
      const on = tab.name === name;
      tab.button.setAttribute("aria-selected", String(on));
      tab.button.tabIndex = on ? 0 : -1;
      tab.panel.hidden = !on;
      tab.panel.setAttribute("role", "tabpanel");
    }
  }
}
