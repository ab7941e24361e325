// One WebSocket a tab, shared by every live part of the page: browsers allow only six connections to a host.
const LOST_MS = 1500, STALE_MS = 12000, APART_MS = 15, BUSY_MS = 60, SETTLE_MS = 1500, CALM_MS = 400, BLANK_MS = 2000;

function openBus() {
  const parts = new Set();
  let wait = 400, heard = Date.now(), lostAt = 0, opened = false, server = "";
  const pill = document.createElement("div");
  pill.className = "rp-pill";
  pill.setAttribute("role", "status");
  document.body.append(pill);

  // A page that is still drawing, or has just found its server again, is not asked to draw more. Nor is one that a
  // person has just made draw: a click may be followed by another page, and a part of the old one drawn in between
  // leaves the new one empty.
  let seen = false, lost = false, settledAt = 0, busy = false, ours = false;
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
    return !drawing && Date.now() >= settledAt;
  }
  new MutationObserver(idle).observe(document.body, {
    subtree: true, attributes: true, attributeFilter: ["data-test-script-state", "data-test-connection-state"],
  });
  // A page that stays empty all the same is drawn once more, whole.
  let blankSince = 0;
  function fillBlank() {
    const main = document.querySelector('[data-testid="stMain"]');
    if (!main || main.innerText.trim() || !idle()) { blankSince = 0; return; }
    blankSince ||= Date.now();
    if (Date.now() - blankSince < BLANK_MS) return;
    blankSince = 0;
    for (const part of parts) if (part.whole) ring(part);
  }
  // Streamlit draws only one of the fragments that are triggered in the same moment: they go one after the other.
  const queue = new Set();
  function ring(part) {
    queue.add(part);
    if (queue.size === 1) setTimeout(next, 0);
  }
  function next() {
    if (!idle()) { setTimeout(next, BUSY_MS); return; }
    const part = [...queue].find((one) => one.whole) ?? [...queue][0];
    queue.delete(part);
    if (parts.has(part)) { ours = !part.whole; part.trigger(); }
    if (queue.size) setTimeout(next, APART_MS);
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
    const gone = (lostAt && Date.now() - lostAt > LOST_MS) || Date.now() - heard > STALE_MS;
    const text = gone ? `Disconnected. What you see is ${Math.round((Date.now() - heard) / 1000)} s old; trying again…` : "";
    if (pill.textContent !== text) pill.textContent = text;
    document.documentElement.dataset.repriseLive = gone ? "lost" : opened ? "on" : "opening";
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const part of parts) if (part.missed) ring(part);
  });
  connect();
  return { parts, ring };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const bus = (window.repriseBus ||= openBus());
  const part = (parentElement.reprisePart ||= { missed: false });
  part.topics = data.topics;
  part.whole = data.whole;
  part.trigger = () => {
    part.missed = document.hidden;
    if (!document.hidden) setTriggerValue("tick", Date.now());
  };
  bus.parts.add(part);
  clearInterval(part.timer);
  if (data.anyway_s) part.timer = setInterval(() => bus.ring(part), data.anyway_s * 1000);
  return () => {
    clearInterval(part.timer);
    bus.parts.delete(part);
  };
}
