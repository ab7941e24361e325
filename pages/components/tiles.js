// Counts that are also filters.
export default function ({ data, parentElement, setTriggerValue }) {
  const bar = (parentElement.repriseTiles ||= parentElement.appendChild(document.createElement("div")));
  bar.className = "rp-tiles";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Runs by state");
  while (bar.children.length > data.tiles.length) bar.lastChild.remove();
  data.tiles.forEach((tile, place) => {
    let button = bar.children[place];
    if (!button) {
      button = bar.appendChild(document.createElement("button"));
      button.type = "button";
      button.append(document.createElement("b"), document.createElement("span"));
    }
    const [number, label] = button.children;
    if (number.textContent !== String(tile.n)) number.textContent = tile.n;
    if (label.textContent !== tile.label) label.textContent = tile.label;
    button.className = "rp-tile";
    button.dataset.tone = tile.n ? tile.tone : "calm";
    button.setAttribute("aria-pressed", String(tile.key === data.picked));
    button.onclick = () => setTriggerValue("pick", tile.key);
  });
}
