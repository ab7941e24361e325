// The player beside what was said: a segment, a quote or a point of the summary is a place to play from.
function el(name, cls, parent, text) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), pad = (n) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

class Reader {
  constructor(root) {
    this.segments = []; this.items = []; this.at = -1; this.shown = {};
    this.root = el("div", "rp-reader", root);
    const left = el("section", "rp-left", this.root), right = el("section", "rp-right", this.root);
    this.stage = el("div", "rp-media", left);
    this.versions = new Versions(left, (version) => this.show(version));
    this.notice = el("p", "rp-none", left);
    this.notice.setAttribute("role", "status");
    this.notice.hidden = true;
    const tools = (this.tools = el("div", "rp-tools", left));
    this.search = el("input", "", tools);
    this.search.type = "search";
    this.search.placeholder = "Search the transcript";
    this.search.setAttribute("aria-label", "Search the transcript");
    this.found = el("span", "rp-found", tools);
    const follow = el("label", "rp-follow", tools);
    this.follow = el("input", "", follow);
    this.follow.type = "checkbox";
    this.follow.checked = true;
    follow.append("Follow");
    this.list = el("ol", "rp-segments", left);
    this.list.setAttribute("aria-label", "Transcript");
    this.tabs = new Tabs(right);
    this.highlights = el("div", "rp-highlights", right);
    this.quotes = el("div", "rp-quotes", right);
    this.summary = el("div", "rp-summary", right);
    this.tabs.add("highlights", "Highlights", this.highlights);
    this.tabs.add("quotes", "Quotes", this.quotes);
    this.tabs.add("summary", "Summary", this.summary);
    this.search.oninput = () => this.filter();
    this.search.onkeydown = (event) => { if (event.key === "Enter") this.items.find((item) => !item.hidden && item.hit)?.querySelector("a").click(); };
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.tagName === "INPUT" || event.target.tagName === "BUTTON" || !this.player) return;
      event.preventDefault();
      this.player.paused ? this.player.play() : this.player.pause();
    });
    // Other parts of the page ask for a moment of the recording, whatever version is shown.
    document.addEventListener("reprise:play", (event) => { if (this.root.isConnected) this.playMoment(event.detail); });
  }

  update(data) {
    this.data = data;
    this.tools.hidden = !data.transcript;
    this.list.hidden = !data.transcript && !data.waiting.transcript;
    this.versions.update(data.versions);
    this.showVersion(this.versions.shown);
    this.part("quotes", data.quotes, () => this.load("quotes", data.quotes, (it) => this.showQuotes(it)));
    this.part("summary", data.summary, () => this.load("summary", data.summary, (it) => this.showSummary(it)));
    this.part("highlights", data.highlights, () => this.load("highlights", data.highlights, (it) => this.showHighlights(it)));
    const there = ["highlights", "quotes", "summary"].filter((name) => data[name] || data.waiting[name]);
    this.tabs.update(there.includes("highlights") && there.length > 1, there);
    for (const [name, node] of [["transcript", this.list], ["highlights", this.highlights], ["quotes", this.quotes], ["summary", this.summary]]) {
      if (!data[name] && this.shown[name + "-wait"] !== data.waiting[name]) {
        this.shown[name + "-wait"] = data.waiting[name];
        node.replaceChildren();
        if (name !== "transcript" && data.waiting[name]) el("h3", "", node, name[0].toUpperCase() + name.slice(1));
        if (data.waiting[name]) el(name === "transcript" ? "li" : "p", "rp-none", node, data.waiting[name]);
      }
    }
  }

  showVersion(version) {
    if (version) {
      this.part("cuts", version.cuts ?? "none", () => this.cut(version));
      this.part("media", version.media.url, () => this.showMedia(version.media));
    }
    const transcript = version?.transcript ?? this.data.transcript;
    this.part("transcript", transcript, () => this.load("transcript", transcript, (it) => this.showTranscript(it)));
  }

  // Another version was chosen: it goes on at the same moment.
  async show(version) {
    if (this.player && !this.lost) this.moment = moment(this.kept, this.player.currentTime);
    const plays = this.player && !this.player.paused;
    this.wanted = version.key;
    if ((version.cuts ?? "none") !== this.shown.cuts) {
      this.shown.cuts = version.cuts ?? "none";
      await this.cut(version);
      if (this.wanted !== version.key) return; // yet another one was chosen meanwhile
    }
    this.from = this.lost ? 0 : placed(this.kept, this.moment ?? 0);
    this.showVersion(version);
    if (plays) this.player.play().catch(() => undefined);
  }

  // What of the recording is in the version; every place in the page is told on its timeline. Where that cannot be
  // loaded nothing of the recording is played in the version, since it would be another place: it says so.
  async cut(version) {
    const wanted = this.shown.cuts;
    let kept = null, lost = "";
    try {
      if (version.cuts) kept = await cutsAt(version.cuts);
    } catch (error) {
      lost = error.message;
    }
    if (this.shown.cuts !== wanted) return; // another version is shown by now
    this.kept = kept;
    this.lost = lost;
    this.notice.hidden = !lost;
    this.notice.replaceChildren();
    if (lost) {
      this.notice.append(`What was cut could not be loaded (${lost}), so quotes, highlights and the summary, whose times are those of the recording, cannot lead into this version. `);
      const again = el("button", "rp-clip", this.notice, "Try again");
      again.type = "button";
      again.onclick = () => this.cut(version);
    }
    for (const link of this.root.querySelectorAll("a[data-at]")) this.tell(link);
  }

  tell(link) {
    const at = Number(link.dataset.at), there = this.lost ? at : placed(this.kept, at);
    link.textContent = link.dataset.label.replace(clock(at), clock(there));
  }

  part(name, url, draw) {
    if (!url || this.shown[name] === url) return;
    this.shown[name] = url;
    draw();
  }

  async load(name, url, draw) {
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      draw(await answer.json());
    } catch (error) {
      this.shown[name] = null;
      const node = name === "transcript" ? this.list : this[name];
      node.replaceChildren();
      el(name === "transcript" ? "li" : "p", "rp-none", node, `This could not be loaded: ${error.message}`);
    }
  }

  showMedia(media) {
    this.stage.replaceChildren();
    this.player = el(media.audio ? "audio" : "video", "", this.stage);
    this.player.controls = true;
    this.player.preload = "metadata";
    if (media.poster && !media.audio) this.player.poster = media.poster;
    this.player.setAttribute("aria-label", "The recording");
    this.player.onloadedmetadata = () => { this.stage.classList.toggle("rp-sound", media.audio || !this.player.videoWidth); };
    this.player.ontimeupdate = () => this.mark();
    this.player.onerror = () => {
      this.stage.replaceChildren();
      el("p", "rp-none", this.stage, "This browser cannot play the format of the recording; it can be downloaded below.");
    };
    this.player.src = media.url;
    this.stage.classList.toggle("rp-sound", media.audio);
    const from = this.from ?? Number(new URLSearchParams(location.search).get("t"));
    if (from > 0) this.player.currentTime = from;
  }

  play(seconds) {
    if (!this.player) return;
    this.player.currentTime = seconds;
    this.player.play().catch(() => undefined);
    this.mark();
  }

  playMoment(seconds) {
    if (this.lost) this.notice.scrollIntoView({ block: "nearest" });
    else this.play(placed(this.kept, seconds));
  }

  // A place to play from, in seconds of the recording; `own` ones are seconds of the version that is shown.
  link(parent, cls, seconds, text, own) {
    const link = el("a", cls, parent, text);
    if (!own && text) {
      Object.assign(link.dataset, { at: seconds, label: text });
      this.tell(link);
    }
    const address = new URLSearchParams(location.search);
    const there = !own ? seconds : this.lost ? 0 : moment(this.kept, seconds); // 0: not known now
    address.set("t", String(Math.floor(there)));
    link.href = `?${address}`;
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (own) this.play(seconds);
      else this.playMoment(seconds);
    };
    return link;
  }

  showTranscript(transcript) {
    this.segments = transcript.segments;
    if (!this.versions.shown?.cuts) this.recorded = transcript.segments;
    this.items = transcript.segments.map((segment) => {
      const item = el("li", "rp-segment");
      const link = this.link(item, "", segment.start, undefined, true);
      el("time", "", link, clock(segment.start));
      el("span", "", link, segment.text.trim());
      if (segment.flags?.length) {
        el("em", "rp-flag", item, "unsure").title = `Marked as ${segment.flags.join(", ")}: listen before you quote it.`;
      }
      return item;
    });
    this.list.replaceChildren(...this.items);
    if (!this.items.length) el("li", "rp-none", this.list, "No speech was found in this recording.");
    this.filter();
    this.mark(true);
    if (this.lateSummary) this.showSummary(this.lateSummary);
  }

  showQuotes({ quotes, rejected }) {
    this.quotes.replaceChildren();
    this.tabs.count("quotes", quotes.length, rejected ? `${rejected} rejected` : "");
    const head = el("h3", "", this.quotes, "Quotes");
    el("small", "", head, `${quotes.length}${rejected ? `, ${rejected} rejected` : ""}`);
    if (!quotes.length) el("p", "rp-none", this.quotes, "Nothing in this recording stood out as a quote.");
    for (const quote of quotes) {
      const card = el("figure", "rp-quote", this.quotes);
      el("blockquote", "", card, quote.text);
      const foot = el("figcaption", "", card);
      const play = this.link(foot, "rp-play", quote.start, `▶ ${clock(quote.start)}`);
      play.setAttribute("aria-label", `Play the quote at ${clock(quote.start)}`);
      const badge = el("span", "rp-badge", foot, quote.status === "verified" ? "Verified" : "Repaired");
      badge.dataset.tone = quote.status === "verified" ? "good" : "warn";
      badge.title = quote.status === "verified" ? "Word for word in the transcript." : "Corrected to the words of the transcript.";
      if (quote.why) el("span", "rp-why", foot, quote.why);
      if (this.data.clips) {
        clipButton(foot, this.data.clips + encodeURIComponent(quote.quote_id), "Save clip", `Save the quote at ${clock(quote.start)} as a video`);
      }
    }
  }

  showHighlights(found) {
    this.tabs.count("highlights", found.highlights.length, found.rejected ? `${found.rejected} rejected` : "");
    drawHighlights(this.highlights, found, this.data.clips, (parent, cls, seconds, text) => this.link(parent, cls, seconds, text));
  }

  showSummary(summary) {
    this.lateSummary = this.recorded ? null : summary;
    this.summary.replaceChildren();
    el("h3", "", this.summary, "Summary");
    if (summary.title) el("p", "rp-headline", this.summary, summary.title);
    if (summary.abstract) el("p", "", this.summary, summary.abstract);
    const list = summary.points?.length ? el("ul", "rp-points", this.summary) : null;
    for (const point of summary.points ?? []) {
      const item = el("li", "", list, point.text + " ");
      for (const id of point.segment_ids ?? []) {
        const segment = this.recorded?.[id];
        if (segment) this.link(item, "rp-play", segment.start, clock(segment.start));
      }
    }
    if (summary.keywords?.length) {
      const words = el("p", "rp-words", this.summary);
      for (const word of summary.keywords) el("span", "", words, word);
    }
    el("p", "rp-source", this.summary, summary.model ? `Written by ${summary.model}.` : "Picked from the transcript's own sentences.");
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    let hits = 0;
    this.items.forEach((item, place) => {
      item.hit = !wanted || this.segments[place].text.toLowerCase().includes(wanted);
      item.hidden = !item.hit;
      hits += item.hit ? 1 : 0;
    });
    this.found.textContent = wanted ? `${hits} of ${this.items.length}` : "";
  }

  mark(quiet) {
    if (!this.player || !this.segments.length) return;
    const now = this.player.currentTime + 0.05;
    let low = 0, high = this.segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle].start <= now) low = middle + 1; else high = middle;
    }
    const at = low - 1;
    if (at === this.at) return;
    this.items[this.at]?.removeAttribute("aria-current");
    this.at = at;
    const item = this.items[at];
    if (!item) return;
    item.setAttribute("aria-current", "true");
    if (this.follow.checked && !quiet && !item.hidden) {
      // Only the list is scrolled, never the page.
      const top = item.offsetTop - this.list.offsetTop, height = this.list.clientHeight;
      if (top < this.list.scrollTop || top + item.clientHeight > this.list.scrollTop + height) {
        this.list.scrollTo({ top: top - height / 3, behavior: "smooth" });
      }
    }
  }
}

export default function ({ data, parentElement }) {
  const reader = (parentElement.repriseReader ||= new Reader(parentElement));
  reader.update(data);
}
