// The files this tab is sending. They go on while another page of the dashboard is looked at, and after a break where
// it happened; no byte of them passes through the pages' own connection.
const AT_ONCE = 5, TRIES = 3, SLICE = 64 * 2 ** 20, SPEED_MS = 4000, PATIENCE_MS = 60000;

function problemOf(request) {
  let said = {};
  try { said = JSON.parse(request.responseText); } catch { /* not of ours */ }
  const text = [said.detail, said.hint].filter(Boolean).join(" ");
  return { code: said.title || "", text: text || `The upload failed (${request.status}).`, status: request.status };
}

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, `/api/uploads${path}`);
    request.setRequestHeader("X-Requested-With", "reprise");
    if (body !== undefined) request.setRequestHeader("Content-Type", "application/json");
    request.timeout = PATIENCE_MS;
    request.onload = () => (request.status < 300 ? resolve(request.status === 204 ? null : JSON.parse(request.responseText)) : reject(problemOf(request)));
    request.onerror = request.ontimeout = () => reject({ code: "broken", text: "", status: 0 });
    request.send(body === undefined ? null : JSON.stringify(body));
  });
}

class Sending {
  constructor(all, file, known) {
    this.all = all; this.file = file; this.known = known;
    this.name = file ? file.name : known.name;
    this.size = file ? file.size : known.size;
    this.mark = file ? `${file.name}:${file.size}:${file.lastModified}` : "";
    this.sent = known ? known.received : 0;
    this.state = !known ? "waiting" : known.path ? "ready" : "left";
    this.problem = ""; this.samples = []; this.final = false;
  }

  get perSecond() {
    const [first, last] = [this.samples[0], this.samples[this.samples.length - 1]];
    return first && last[0] - first[0] > 300 ? Math.max(0, (last[1] - first[1]) / (last[0] - first[0]) * 1000) : null;
  }

  reached(bytes) {
    const now = performance.now();
    this.sent = bytes;
    this.samples.push([now, bytes]);
    while (this.samples.length > 2 && now - this.samples[0][0] > SPEED_MS) this.samples.shift();
    this.all.changed(false);
  }

  fail(problem) {
    this.state = "failed"; this.samples = [];
    this.final = ["too_large", "not_media", "batch_full", "bad_input"].includes(problem.code);
    this.problem = problem.text || "The connection broke.";
    this.all.changed(true);
  }

  async run() {
    this.state = "sending"; this.problem = ""; this.samples = [];
    let tries = 0, before = -1;
    while (this.state === "sending") {
      try {
        this.known = await ask("POST", "", { name: this.name, size: this.size, group: this.all.group, mark: this.mark });
        if (this.state !== "sending") break;
        this.reached(this.known.received);
        while (this.state === "sending" && !this.known.path) this.known = await this.slice(this.known.received);
        if (this.state !== "sending") break;
        this.state = "ready"; this.sent = this.size;
        this.all.changed(true);
      } catch (problem) {
        if (this.state !== "sending") break;
        const again = problem.status === 0 || problem.status >= 500 && problem.status !== 507 || [404, 409].includes(problem.status);
        tries = this.sent > before ? 1 : tries + 1; // whatever came through counts as a new start
        before = this.sent;
        if (!again || tries > TRIES) { this.fail(problem); break; }
        this.problem = `The connection broke; trying again (${tries} of ${TRIES}).`;
        this.all.changed(false);
        await new Promise((done) => { setTimeout(done, 1000 * 2 ** (tries - 1)); });
        this.problem = "";
      }
    }
    if (this.state === "removed" && this.known) ask("DELETE", `/${this.known.id}`).catch(() => {});
  }

  slice(from) {
    return new Promise((resolve, reject) => {
      const request = this.request = new XMLHttpRequest();
      request.open("PATCH", `/api/uploads/${this.known.id}?offset=${from}`);
      request.setRequestHeader("X-Requested-With", "reprise");
      request.setRequestHeader("Content-Type", "application/octet-stream");
      let alive = performance.now();
      const watch = setInterval(() => { if (performance.now() - alive > PATIENCE_MS) request.abort(); }, 1000);
      request.upload.onprogress = (event) => { alive = performance.now(); this.reached(from + event.loaded); };
      request.onload = () => (request.status === 200 ? resolve(JSON.parse(request.responseText)) : reject(problemOf(request)));
      // The file itself may be gone or changed on the disk it is read from: that looks like a broken line, too.
      request.onerror = request.onabort = () => reject({ code: "broken", text: "The connection broke, or the file cannot be read any more.", status: 0 });
      request.onloadend = () => clearInterval(watch);
      request.send(this.file.slice(from, from + SLICE));
    });
  }
}

class Uploads {
  static ofThisTab() {
    if (!window.repriseUploads) {
      let group = sessionStorage.getItem("reprise-uploads");
      if (!group) sessionStorage.setItem("reprise-uploads", group = `${Date.now()}-${Math.random().toString(36).slice(2)}`);
      window.repriseUploads = new Uploads(group);
    }
    return window.repriseUploads;
  }

  constructor(group) {
    this.group = group; this.files = []; this.most = Infinity; this.many = Infinity; this.watchers = new Set();
    window.addEventListener("beforeunload", (event) => { if (this.busy) event.preventDefault(); });
  }

  get busy() { return this.files.filter((one) => ["waiting", "sending"].includes(one.state)).length; }

  // What the server has of this tab: after a reload all that is known, else what was used meanwhile is dropped.
  async sync() {
    let listed;
    try { listed = (await ask("GET", `?group=${encodeURIComponent(this.group)}`)).uploads; } catch { return; }
    const there = new Map(listed.map((one) => [one.id, one]));
    this.files = this.files.filter((one) => !["ready", "left"].includes(one.state) || there.has(one.known.id));
    const mine = new Set(this.files.map((one) => one.known && one.known.id));
    const unknown = listed.filter((one) => !mine.has(one.id));
    if (!this.busy || !unknown.length) this.files.push(...unknown.map((one) => new Sending(this, null, one)));
    this.changed(true);
  }

  take(chosen) {
    for (const file of chosen) {
      const one = new Sending(this, file, null);
      if (this.files.some((other) => other.mark === one.mark && other.state !== "failed")) continue;
      // Most likely the rest of what broke off earlier; whether it is, the server knows.
      this.files = this.files.filter((other) => !(other.mark === one.mark && other.state === "failed")
        && !(other.state === "left" && other.name === one.name && other.size === one.size));
      this.files.push(one);
      const videos = this.files.filter((other) => other.state !== "failed" && !/\.(srt|vtt|json|txt)$/i.test(other.name));
      if (file.size > this.most) one.fail({ code: "too_large", text: `Larger than ${sized(this.most)}: add it by its path below.` });
      else if (!file.size) one.fail({ code: "bad_input", text: "The file is empty." });
      else if (videos.length > this.many) one.fail({ code: "batch_full", text: `A batch holds at most ${this.many} videos: put the rest into another one.` });
    }
    this.next();
    this.changed(true);
  }

  next() {
    let room = AT_ONCE - this.files.filter((one) => one.state === "sending").length;
    for (const one of this.files) {
      if (room > 0 && one.state === "waiting") { room -= 1; one.run().finally(() => this.next()); }
    }
  }

  retry(one) { one.state = "waiting"; one.problem = ""; this.next(); this.changed(true); }

  remove(one) {
    const was = one.state;
    one.state = "removed";
    if (one.request) one.request.abort();
    if (was !== "sending" && one.known) ask("DELETE", `/${one.known.id}`).catch(() => {});
    this.files = this.files.filter((other) => other !== one);
    this.next();
    this.changed(true);
  }

  changed(atOnce) { for (const watcher of this.watchers) watcher(atOnce); }
}

function sized(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const unit = bytes >= 1e9 ? ["GB", 1e9, 1] : bytes >= 1e6 ? ["MB", 1e6, bytes >= 1e7 ? 0 : 1] : ["KB", 1e3, 0];
  return `${(bytes / unit[1]).toFixed(unit[2])} ${unit[0]}`;
}

function lasting(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}
