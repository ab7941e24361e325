// Passages that a search found, by recording; each is a place to play from.
function drawGroup(given, parent, open) {
  const root = el("section", "rp-hits", parent);
  const title = el("a", "rp-hits-title", el("h2", "", root));
  title.textContent = given.title;
  title.href = given.href;
  follow(title, () => open({ run: given.run_id }));
  const list = el("ol", "", root);
  const late = [];
  given.hits.forEach((hit, place) => {
    const item = el("li", "", list);
    const link = el("a", "rp-hit", item);
    link.href = hit.href;
    follow(link, () => open(hit.start === null ? { run: given.run_id } : { run: given.run_id, t: Math.floor(hit.start) }));
    el("time", "", link).textContent = hit.clock;
    el("small", "", link).textContent = hit.kind;
    const said = el("span", "", link);
    for (const [piece, marked] of hit.parts) {
      if (piece) marked ? (el("mark", "", said).textContent = piece) : said.append(piece);
    }
    if (place >= given.few) { item.hidden = true; late.push(item); }
  });
  if (late.length) {
    const more = push("rp-button rp-hits-more", `${late.length} more`, root);
    more.onclick = () => { for (const item of late) item.hidden = false; more.remove(); };
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const wanted = JSON.stringify(data.groups);
  if (parentElement.repriseHits === wanted) return;
  parentElement.repriseHits = wanted;
  parentElement.replaceChildren();
  for (const group of data.groups) drawGroup(group, parentElement, (place) => setTriggerValue("open", place));
}
