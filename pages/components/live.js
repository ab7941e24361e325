// One WebSocket a tab, shared by every live part of the page: browsers allow only six connections to a host.
const LOST_MS = 1500, STALE_MS = 12000;

function openBus() {
  const parts = new Set();
  let wait = 400, heard = Date.now(), lostAt = 0, opened = false;
  const pill = document.createElement("div");
  pill.className = "rp-pill";
  pill.setAttribute("role", "status");
  document.body.append(pill);

  function connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
    socket.onopen = () => {
      wait = 400; heard = Date.now(); lostAt = 0;
      if (opened) for (const part of parts) part.ring();
      opened = true;
    };
    socket.onmessage = (event) => {
      heard = Date.now();
      const changed = new Set(JSON.parse(event.data).changed);
      for (const part of parts) if (part.topics.some((topic) => changed.has(topic))) part.ring();
    };
    socket.onclose = () => {
      lostAt ||= Date.now();
      setTimeout(connect, wait);
      wait = Math.min(wait * 1.6, 5000);
    };
  }
  setInterval(() => {
    const lost = (lostAt && Date.now() - lostAt > LOST_MS) || Date.now() - heard > STALE_MS;
    const text = lost ? `Disconnected. What you see is ${Math.round((Date.now() - heard) / 1000)} s old; trying again…` : "";
    if (pill.textContent !== text) pill.textContent = text;
    document.documentElement.dataset.repriseLive = lost ? "lost" : opened ? "on" : "opening";
  }, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const part of parts) if (part.missed) part.ring();
  });
  connect();
  return { parts };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const bus = (window.repriseBus ||= openBus());
  const part = (parentElement.reprisePart ||= { missed: false });
  part.topics = data.topics;
  part.ring = () => {
    part.missed = document.hidden;
    if (!document.hidden) setTriggerValue("tick", Date.now());
  };
  bus.parts.add(part);
  clearInterval(part.timer);
  part.timer = setInterval(() => part.ring(), data.anyway_s * 1000);
  return () => {
    clearInterval(part.timer);
    bus.parts.delete(part);
  };
}
