// What was done just now, with the way back: one line above the page, there for a while, longer under pointer or focus.
const STAYS_MS = 15000;

export default function ({ data, parentElement, setTriggerValue }) {
  const bar = (window.repriseNotice ||= { token: "", root: null, said: null, back: null });
  if (!bar.root) {
    bar.root = el("div", "rp-notice", document.body);
    bar.root.setAttribute("role", "status");
    bar.root.hidden = true;
    bar.said = el("span", "", bar.root);
    bar.back = push("rp-button", "", bar.root);
    bar.close = push("rp-notice-close", "×", bar.root);
    bar.close.setAttribute("aria-label", "Close");
    const hide = () => { bar.root.hidden = true; };
    const wait = () => { clearTimeout(bar.timer); bar.timer = setTimeout(hide, STAYS_MS); };
    bar.wait = wait;
    bar.close.onclick = hide;
    for (const name of ["pointerenter", "focusin"]) bar.root.addEventListener(name, () => clearTimeout(bar.timer));
    for (const name of ["pointerleave", "focusout"]) bar.root.addEventListener(name, wait);
    bar.back.onclick = () => { hide(); bar.undo?.(bar.token); };
  }
  if (data.token !== bar.token) {
    bar.token = data.token;
    bar.said.textContent = data.said;
    bar.back.textContent = data.label;
    bar.root.hidden = false;
    bar.wait();
  }
  bar.undo = (token) => setTriggerValue("undo", token);
}
