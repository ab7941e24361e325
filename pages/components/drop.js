// Files are sent piece by piece to a route of our own: they never pass through the memory of the pages' process.
function el(name, cls, parent, text) {
  const made = document.createElement(name);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

class Drop {
  constructor(root) {
    this.done = [];
    this.zone = el("label", "rp-drop", root);
    this.input = el("input", "", this.zone);
    this.input.type = "file";
    this.input.multiple = true;
    this.input.accept = "video/*,audio/*,.mkv,.opus,.flac";
    el("b", "", this.zone, "Drop recordings here, or choose them");
    this.limit = el("span", "", this.zone);
    this.list = el("ul", "rp-uploads", root);
    this.list.setAttribute("aria-label", "Uploads");
    this.input.onchange = () => { this.take(this.input.files); this.input.value = ""; };
    for (const name of ["dragover", "dragleave", "drop"]) {
      this.zone.addEventListener(name, (event) => {
        event.preventDefault();
        this.zone.classList.toggle("rp-over", name === "dragover");
        if (name === "drop") this.take(event.dataTransfer.files);
      });
    }
  }

  take(files) { for (const file of files) this.send(file); }

  send(file) {
    const item = el("li", "", this.list);
    el("span", "rp-upload-name", item, file.name);
    const said = el("span", "rp-upload-said", item, "0 %");
    const meter = el("i", "rp-meter", item), fill = el("i", "", meter);
    const drop = el("button", "rp-button", item, "Remove");
    drop.type = "button";
    drop.setAttribute("aria-label", `Remove ${file.name}`);
    const fail = (text) => { said.textContent = text; item.dataset.tone = "bad"; meter.hidden = true; };
    let stored = null;
    const request = new XMLHttpRequest();
    drop.onclick = () => {
      request.abort();
      item.remove();
      this.done = this.done.filter((one) => one !== stored);
      this.tell();
    };
    if (file.size > this.most) { fail(`Larger than ${Math.round(this.most / 1e6)} MB: add it by its path below.`); return; }
    request.open("PUT", `/api/uploads/${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-Requested-With", "reprise");
    request.upload.onprogress = (event) => {
      const share = event.total ? event.loaded / event.total : 0;
      said.textContent = `${Math.round(share * 100)} %`;
      fill.style.width = `${share * 100}%`;
    };
    request.onerror = () => fail("The connection broke; remove it and try again.");
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* said below */ }
      if (request.status !== 201) { fail([answer.detail, answer.hint].filter(Boolean).join(" ") || `The upload failed (${request.status}).`); return; }
      stored = answer;
      item.dataset.tone = "good";
      said.textContent = "Ready";
      meter.hidden = true;
      this.done.push(stored);
      this.tell();
    };
    request.send(file);
  }

  tell() { this.setState("files", this.done.map(({ path, name, size }) => ({ path, name, size }))); }
}

export default function ({ data, parentElement, setStateValue }) {
  let drop = parentElement.repriseDrop;
  if (!drop || drop.token !== data.token) {
    parentElement.replaceChildren();
    drop = parentElement.repriseDrop = new Drop(parentElement);
    drop.token = data.token;
  }
  drop.setState = setStateValue;
  drop.most = data.most;
  drop.limit.textContent = `Up to ${Math.round(data.most / 1e6)} MB each; larger ones by their path.`;
}
