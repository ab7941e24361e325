// A list of commands below a button. It lies above everything, so that no edge cuts it off, and outlives a redrawing.
function openMenu(button, items, pick) {
  const menu = el("div", "rp-menu", document.body), at = button.getBoundingClientRect();
  menu.setAttribute("role", "menu");
  menu.setAttribute("aria-label", button.getAttribute("aria-label"));
  menu.popover = "auto";
  for (const [verb, label, tone] of items) {
    const item = push("rp-menu-item", label, menu);
    item.setAttribute("role", "menuitem");
    item.tabIndex = -1;
    if (tone) item.dataset.tone = tone;
    item.onclick = () => { menu.hidePopover(); pick(verb); };
  }
  menu.onkeydown = (event) => {
    const all = [...menu.children], at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  };
  const leave = () => { if (Math.abs(button.getBoundingClientRect().top - at.top) > 4) menu.hidePopover(); };
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    button.setAttribute("aria-expanded", "false");
    window.removeEventListener("scroll", leave, true);
    const inside = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (inside) button.focus({ preventScroll: true });
  });
  menu.showPopover();
  button.setAttribute("aria-expanded", "true");
  const own = menu.getBoundingClientRect();
  const below = at.bottom + 4 + own.height <= innerHeight;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(4, at.top - 4 - own.height)}px`;
  menu.style.left = `${Math.max(8, Math.min(at.right - own.width, innerWidth - own.width - 8))}px`;
  window.addEventListener("scroll", leave, true);
  menu.firstElementChild?.focus({ preventScroll: true });
}
