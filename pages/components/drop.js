// Where recordings are dropped or chosen, and how far each of them is.
function el(name, cls, parent, text) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// Dropped folders are looked into; hidden files in them are left out.
async function filesIn(entry, found, depth) {
  if (entry.name.startsWith(".") || found.length >= 500) return;
  if (entry.isFile) { found.push(await new Promise((done, failed) => { entry.file(done, failed); })); return; }
  if (depth > 5) return;
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return;
    for (const one of some) await filesIn(one, found, depth + 1);
  }
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  for (const entry of entries) await filesIn(entry, found, 0);
  return found.filter((file) => entries.length > 1 || /\.(mp4|m4[av]|mov|3gp|mk[va]|webm|avi|mp3|aac|wav|flac|og[gav]|opus|m?ts|m2ts|srt|vtt)$/i.test(file.name));
}

class Drop {
  constructor(root, uploads) {
    this.uploads = uploads;
    this.rows = new Map();
    this.told = JSON.stringify([[], false]);
    this.zone = el("label", "rp-drop", root);
    this.input = el("input", "", this.zone);
    this.input.type = "file";
    this.input.multiple = true;
    this.input.accept = "video/*,audio/*,.mkv,.opus,.flac,.ts,.srt,.vtt,.json,.txt";
    el("b", "", this.zone, "Drop recordings here, or choose them");
    this.limit = el("span", "", this.zone);
    this.whole = el("p", "rp-uploading", root);
    this.whole.setAttribute("role", "status");
    this.list = el("ul", "rp-uploads", root);
    this.list.setAttribute("aria-label", "Uploads");
    this.input.onchange = () => { uploads.take([...this.input.files]); this.input.value = ""; };
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      this.zone.addEventListener(name, (event) => {
        event.preventDefault();
        this.zone.classList.toggle("rp-over", name.startsWith("dragover") || name === "dragenter");
        if (name === "drop") dropped(event.dataTransfer).then((files) => uploads.take(files));
      });
    }
    // A file dropped beside the zone must not replace the page, and what is being sent with it.
    this.strayed = (event) => { if (event.dataTransfer && [...event.dataTransfer.types].includes("Files")) event.preventDefault(); };
    this.watch = (atOnce) => { if (atOnce) this.draw(); else if (!this.waits) this.waits = setTimeout(() => { this.waits = 0; this.draw(); }, 200); };
  }

  join() {
    this.uploads.watchers.add(this.watch);
    for (const name of ["dragover", "drop"]) window.addEventListener(name, this.strayed);
  }

  leave() {
    this.uploads.watchers.delete(this.watch);
    for (const name of ["dragover", "drop"]) window.removeEventListener(name, this.strayed);
    clearTimeout(this.waits);
    this.waits = 0;
  }

  row(one) {
    const row = { item: el("li", "", this.list) };
    const words = el("div", "rp-upload-words", row.item);
    el("span", "rp-upload-name", words, one.name).title = one.name;
    row.said = el("span", "rp-upload-said", words);
    row.meter = el("i", "rp-meter", row.item);
    row.meter.setAttribute("role", "progressbar");
    row.meter.setAttribute("aria-label", one.name);
    row.fill = el("i", "", row.meter);
    row.buttons = el("div", "rp-upload-buttons", row.item);
    row.retry = el("button", "rp-button", row.buttons, "Retry");
    row.retry.setAttribute("aria-label", `Retry ${one.name}`);
    row.retry.onclick = () => this.uploads.retry(one);
    row.remove = el("button", "rp-button", row.buttons, "Remove");
    row.remove.onclick = () => this.uploads.remove(one);
    for (const button of [row.retry, row.remove]) button.type = "button";
    this.rows.set(one, row);
    return row;
  }

  words(one) {
    const share = one.size ? Math.floor(100 * one.sent / one.size) : 0;
    if (one.state === "waiting") return `${sized(one.size)} · waiting`;
    if (one.state === "ready") return `${sized(one.size)} · Ready`;
    if (one.state === "left") return `${share} % of ${sized(one.size)} is here: choose the file again to go on`;
    if (one.state === "failed") return one.sent && !one.final ? `${one.problem} ${share} % is kept.` : one.problem;
    if (one.problem) return `${share} % of ${sized(one.size)} · ${one.problem}`;
    const speed = one.perSecond;
    return [`${share} % of ${sized(one.size)}`, speed ? `${sized(speed)}/s` : "", speed ? lasting((one.size - one.sent) / speed) : ""].filter(Boolean).join(" · ");
  }

  draw() {
    for (const [one, row] of this.rows) if (!this.uploads.files.includes(one)) { row.item.remove(); this.rows.delete(one); }
    for (const one of this.uploads.files) {
      const row = this.rows.get(one) || this.row(one);
      const said = this.words(one);
      if (row.said.textContent !== said) row.said.textContent = said;
      row.item.dataset.tone = { ready: "good", failed: "bad" }[one.state] || "";
      row.meter.hidden = ["ready", "failed"].includes(one.state);
      row.fill.style.width = `${one.size ? 100 * one.sent / one.size : 0}%`;
      row.meter.setAttribute("aria-valuenow", one.size ? Math.floor(100 * one.sent / one.size) : 0);
      row.retry.hidden = one.state !== "failed" || one.final || !one.file;
      const label = ["waiting", "sending"].includes(one.state) ? "Cancel" : "Remove";
      if (row.remove.textContent !== label) { row.remove.textContent = label; row.remove.setAttribute("aria-label", `${label} ${one.name}`); }
    }
    this.drawWhole();
    this.tell();
  }

  drawWhole() {
    const going = this.uploads.files.filter((one) => ["waiting", "sending", "ready"].includes(one.state));
    const [size, sent] = [going.reduce((sum, one) => sum + one.size, 0), going.reduce((sum, one) => sum + one.sent, 0)];
    const speed = going.reduce((sum, one) => sum + (one.state === "sending" && one.perSecond || 0), 0);
    const ready = going.filter((one) => one.state === "ready").length;
    this.whole.hidden = going.length < 2 || !this.uploads.busy;
    const said = [`${ready} of ${going.length} files`, `${sized(sent)} of ${sized(size)}`, speed ? `${sized(speed)}/s` : "", speed ? lasting((size - sent) / speed) : ""];
    this.whole.textContent = this.whole.hidden ? "" : said.filter(Boolean).join(" · ");
  }

  tell() {
    const files = this.uploads.files.filter((one) => one.state === "ready").map(({ known }) => ({ id: known.id, path: known.path, name: known.name, size: known.size, kind: known.kind }));
    const told = JSON.stringify([files, this.uploads.busy > 0]);
    if (told === this.told) return;
    this.told = told;
    this.setState("files", files);
    this.setState("busy", this.uploads.busy);
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const uploads = Uploads.ofThisTab();
  uploads.most = data.most;
  uploads.many = data.many;
  let drop = parentElement.repriseDrop;
  const isNew = !drop || drop.token !== data.token;
  if (isNew) {
    if (drop) drop.leave();
    parentElement.replaceChildren();
    drop = parentElement.repriseDrop = new Drop(parentElement, uploads);
    drop.token = data.token;
    drop.limit.textContent = `Up to ${sized(data.most)} each. Subtitles (SRT, VTT) and Whisper's JSON of the same name come along.`;
  }
  drop.setState = setStateValue;
  drop.join();
  drop.draw();
  if (isNew) uploads.sync();
  return () => drop.leave();
}
