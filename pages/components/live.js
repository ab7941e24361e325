// One WebSocket a tab, shared by every live part of the page: browsers allow only six connections to a host.
const LOST_MS = 1500, STALE_MS = 12000, OLD_MS = 5000, SAME_MS = 300, APART_MS = 15, BUSY_MS = 60, SETTLE_MS = 1500, CALM_MS = 400, ANSWER_MS = 1000, SENT_MS = 30, HELD_MS = 2000, LEAVING_MS = 5000, BLANK_MS = 300, AGAIN_MS = 2000, UNANSWERED_MS = 1000;
// What leads to another page; and what means the same when it is pressed twice.
const LEAVES = ".rp-row-title, [data-testid=stPageLink] a";
const ONCE = `${LEAVES}, [data-testid=stButton] button, [data-testid=stFormSubmitButton] button, .rp-row-actions .rp-button:not(.rp-more)`;

function openBus() {
  const parts = new Set();
  let wait = 400, heard = Date.now(), lostAt = 0, opened = false, server = "";
  const pill = document.createElement("div");
  pill.className = "rp-pill";
  pill.setAttribute("role", "status");
  document.body.append(pill);

  // Whatever asks for a part of the page names the page that this tab shows. When the server has gone on to another one
  // meanwhile, Streamlit takes that for a change of the page: it clears the new one, and draws a part that is no more.
  // So nothing is asked of a page that is still drawing or has just found its server again, nor after a click, until
  // it was answered and nothing more came of it; and the second half of a double click is none.
  let seen = false, lost = false, settledAt = 0, busy = false, ours = false, leaving = null;
  function idle() {
    const app = document.querySelector('[data-testid="stApp"]');
    if (!app?.dataset.testConnectionState) return true;
    if (app.dataset.testConnectionState !== "CONNECTED") { lost = seen; return false; }
    if (lost) settledAt = Date.now() + SETTLE_MS;
    seen = true;
    lost = false;
    const drawing = app.dataset.testScriptState !== "notRunning";
    if (busy && !drawing) {
      if (!ours) settledAt = Math.max(settledAt, Date.now() + CALM_MS);
      ours = false;
    }
    busy = drawing;
    if (leaving && (location.href !== leaving.from || Date.now() > leaving.until)) {
      settledAt = Math.max(settledAt, Date.now() + CALM_MS);
      leaving = null;
    }
    return !drawing && !leaving && Date.now() >= settledAt;
  }
  new MutationObserver(idle).observe(document.body, {
    subtree: true, attributes: true, attributeFilter: ["data-test-script-state", "data-test-connection-state"],
  });
  let askedAt = 0, last = null, lastSaid = "", lastAt = 0, passing = null, held = null;
  // A press goes on as soon as nothing is being asked or drawn; one that has waited long enough goes on all the same.
  function isBusy() {
    const app = document.querySelector('[data-testid="stApp"]');
    return Date.now() - askedAt < SENT_MS || (app?.dataset.testScriptState ?? "notRunning") !== "notRunning";
  }
  function passOn(pressed, since) {
    if (isBusy() && Date.now() - since < HELD_MS) { setTimeout(passOn, APART_MS, pressed, since); return; }
    held = null;
    // What was drawn anew while a press waited is pressed where it stands now.
    if (!pressed.isConnected) pressed = [...document.querySelectorAll(ONCE)].find((one) => one.outerHTML === pressed.outerHTML) ?? pressed;
    passing = pressed;
    pressed.click();
    passing = null;
  }
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.(ONCE);
    // However often a button is pressed in one go, it is pressed once; one that says something else by now is another.
    const said = pressed?.innerText;
    const same = pressed === last && said === lastSaid && Date.now() - lastAt < SAME_MS;
    const again = pressed && pressed !== passing && (pressed === held || same);
    if (pressed) { last = pressed; lastSaid = said; lastAt = Date.now(); }
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    // Streamlit sends what is asked in one moment as one request, for one part, and a press while a page is being drawn
    // can be lost: a click waits for both.
    const early = pressed && plain && pressed !== passing && isBusy();
    if ((pressed && event.detail > 1) || again || early) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    if ((pressed && event.detail > 1) || again) return;
    ours = false;
    settledAt = Math.max(settledAt, Date.now() + ANSWER_MS);
    if (early) { held = pressed; setTimeout(passOn, APART_MS, pressed, Date.now()); }
    else if (plain && pressed?.matches(LEAVES) && pressed.href !== location.href)
      leaving = { from: location.href, until: Date.now() + LEAVING_MS };
  }, true);
  // A page that is empty all the same (a click at the very moment of another one's answer) is drawn once more, whole.
  let blankSince = 0;
  function isBlank() {
    const main = document.querySelector('[data-testid="stMain"]');
    return main && !main.innerText.trim();
  }
  function fillBlank() {
    const now = Date.now();
    if (!isBlank()) { blankSince = 0; return; }
    blankSince ||= now;
    if (now - blankSince < BLANK_MS) return;
    blankSince = now + AGAIN_MS;
    for (const part of parts) if (part.whole) ring(part, isBlank);
  }
  // Streamlit draws only one of the fragments that are asked for in the same moment: each waits until the one before is
  // drawn, however long the server takes to begin, and what is not drawn after a second is asked for again.
  const queue = new Set();
  let timer = 0;
  function ring(part, needed = () => true) {
    part.needed = needed;
    part.told ||= Date.now();
    queue.add(part);
    timer ||= setTimeout(next, 0);
  }
  function waitsForAnswer() {
    return [...parts].some((part) => part.asked && Date.now() - part.askedAt < UNANSWERED_MS);
  }
  function askAgain() {
    for (const part of parts)
      if (part.asked && Date.now() - part.askedAt >= UNANSWERED_MS && !queue.has(part)) ring(part, part.needed);
  }
  function next() {
    timer = 0;
    if (!idle() || waitsForAnswer()) { timer = setTimeout(next, BUSY_MS); return; }
    const part = [...queue].find((one) => one.whole) ?? [...queue][0];
    queue.delete(part);
    part.asked = parts.has(part) && part.needed() ? part.told : 0;
    part.told = 0;
    if (part.asked) {
      ours = !part.whole;
      askedAt = part.askedAt = Date.now();
      part.trigger();
    }
    if (queue.size) timer ||= setTimeout(next, APART_MS);
  }

  // The moment that the page shows: the server's last word, or the first news since then that is not drawn yet.
  function since() {
    const waiting = [...parts].flatMap((part) => [part.told, part.asked]).filter(Boolean);
    return Math.min(heard, ...waiting);
  }

  function connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
    socket.onopen = () => {
      wait = 400; heard = Date.now(); lostAt = 0;
      if (opened) for (const part of parts) if (!part.whole) ring(part);
      opened = true;
    };
    socket.onmessage = (event) => {
      heard = Date.now();
      const said = JSON.parse(event.data), changed = new Set(said.changed);
      if (server && server !== said.server) for (const part of parts) if (part.whole) ring(part);
      server = said.server;
      for (const part of parts) if (part.topics.some((topic) => changed.has(topic))) ring(part);
    };
    socket.onclose = () => {
      lostAt ||= Date.now();
      setTimeout(connect, wait);
      wait = Math.min(wait * 1.6, 5000);
    };
  }
  setInterval(() => {
    idle(); // notices when the connection comes and goes
    fillBlank();
    askAgain();
    const gone = (lostAt && Date.now() - lostAt > LOST_MS) || Date.now() - heard > STALE_MS;
    const old = Date.now() - since();
    const age = `What you see is ${Math.round(old / 1000)} s old`;
    const text = gone ? `Disconnected. ${age}; trying again…` : old > OLD_MS && !document.hidden ? `${age}.` : "";
    if (pill.textContent !== text) pill.textContent = text;
    pill.dataset.tone = gone ? "bad" : "warn";
    document.documentElement.dataset.repriseLive = gone ? "lost" : opened ? "on" : "opening";
  }, 250);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const part of parts) if (part.missed) ring(part);
  });
  connect();
  return { parts, ring };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const bus = (window.repriseBus ||= openBus());
  const part = (parentElement.reprisePart ||= { missed: false });
  part.asked = 0;
  part.topics = data.topics;
  part.whole = data.whole;
  part.trigger = () => {
    part.missed = document.hidden;
    if (document.hidden) part.asked = 0;
    else setTriggerValue("tick", Date.now());
  };
  bus.parts.add(part);
  clearInterval(part.timer);
  if (data.anyway_s) part.timer = setInterval(() => bus.ring(part), data.anyway_s * 1000);
  return () => {
    clearInterval(part.timer);
    bus.parts.delete(part);
  };
}
