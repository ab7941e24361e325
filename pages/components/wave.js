// The sound of a recording as a picture: what would go is marked; a click plays the recording from there.
const NS = "http://www.w3.org/2000/svg", QUIETEST = -60, HEIGHT = 100, BEFORE_S = 0.7;

function shape(name, attributes, parent) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.append(made);
  return made;
}
function loud(db) {
  return Math.max(0.012, Math.max(0, Math.min(1, 1 - db / QUIETEST)) ** 1.6);
}
function outline(wave) {
  const middle = HEIGHT / 2;
  const above = wave.map((db, x) => `${x},${(middle - middle * loud(db)).toFixed(1)}`);
  const below = wave.map((db, x) => `${x},${(middle + middle * loud(db)).toFixed(1)}`).reverse();
  return `M${above.join("L")}L${below.join("L")}Z`;
}
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), pad = (n) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60;
  return h ? `${h}:${pad(m)}:${pad(whole % 60)}` : `${m}:${pad(whole % 60)}`;
}

function draw(root, data) {
  const columns = Math.max(2, data.wave.length), at = (seconds) => (seconds / data.duration) * (columns - 1);
  root.replaceChildren();
  const picture = shape("svg", { viewBox: `0 0 ${columns - 1} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": data.label }, root);
  const hole = shape("clipPath", { id: `rp-cut-${data.id}` }, shape("defs", {}, picture));
  for (const [start, end] of data.removed) {
    const place = { x: at(start).toFixed(2), width: Math.max(0.6, at(end) - at(start)).toFixed(2), y: 0, height: HEIGHT };
    shape("rect", { ...place, class: "rp-gone" }, picture);
    shape("rect", place, hole);
  }
  const wave = outline(data.wave);
  shape("path", { d: wave, class: "rp-stays" }, picture);
  shape("path", { d: wave, class: "rp-goes", "clip-path": `url(#rp-cut-${data.id})` }, picture);
  if (data.threshold > QUIETEST) {
    for (const side of [-1, 1]) {
      const y = ((HEIGHT / 2) * (1 + side * loud(data.threshold))).toFixed(1);
      shape("line", { x1: 0, x2: columns - 1, y1: y, y2: y, class: "rp-threshold" }, picture);
    }
  }
  const ends = root.appendChild(document.createElement("div"));
  ends.className = "rp-wave-ends";
  for (const seconds of [0, data.duration / 2, data.duration]) ends.appendChild(document.createElement("span")).textContent = clock(seconds);
  picture.onclick = (event) => {
    const box = picture.getBoundingClientRect();
    const seconds = Math.max(0, ((event.clientX - box.left) / box.width) * data.duration - BEFORE_S);
    document.dispatchEvent(new CustomEvent("reprise:play", { detail: seconds }));
  };
}

export default function ({ data, parentElement }) {
  const root = (parentElement.repriseWave ||= parentElement.appendChild(document.createElement("div")));
  root.className = "rp-wave";
  const seen = JSON.stringify(data);
  if (root.seen === seen) return;
  root.seen = seen;
  draw(root, data);
}
