// Keeps the page true without polling: the socket says which topic changed, the page fetches its own address again and
// takes over the regions marked data-live. Nothing else knows how a page looks, so there is no second template.
(() => {
  const QUIET_MS = 250;
  const FIRST_RETRY_MS = 500;
  const LONGEST_RETRY_MS = 10000;
  const sign = document.getElementById("live-state");
  const topics = (document.body.dataset.topics || "").split(" ").filter(Boolean);
  if (!sign || !topics.length) return;

  let lastEvent = null;
  let everOpen = false;
  let retryMs = FIRST_RETRY_MS;
  let timer = null;
  let wanted = false;
  let running = false;
  let lastFetch = 0;

  const say = (state, words) => {
    sign.className = `live-state state ${state}`;
    sign.querySelector("[data-words]").textContent = words;
  };
  const connected = () => say("good", lastEvent ? `${sign.dataset.connected} · ${Contiv.clock(lastEvent)}` : sign.dataset.connected);
  const lost = () => {
    const words = everOpen ? `${sign.dataset.lost} ${Contiv.clock(new Date(lastFetch || performance.timeOrigin))}` : sign.dataset.never;
    say(everOpen ? "bad" : "off", words);
  };

  const takeOver = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    Contiv.showTimes(fresh);
    for (const region of document.querySelectorAll("[data-live][id]")) {
      const next = fresh.getElementById(region.id);
      if (next && !region.parentElement.closest("[data-live]")) Contiv.morph(region, next);
    }
    document.dispatchEvent(new CustomEvent("live:taken"));
  };
  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" }, cache: "no-store", credentials: "same-origin" });
    lastFetch = Date.now();
    if (answer.redirected) return location.reload();
    if (answer.status === 404) return say("bad", sign.dataset.gone);
    if (answer.ok) takeOver(await answer.text());
  };
  const run = async () => {
    timer = null;
    wanted = false;
    running = true;
    try { await refresh(); } catch { wanted = true; } finally { running = false; }
    if (wanted) plan(1000);
  };
  const plan = (atLeast = 0) => {
    if (!document.querySelector("[data-live][id]")) return;  // Nothing here would change: a form, a question.
    wanted = true;
    if (timer || running || document.hidden) return;
    timer = setTimeout(run, Math.max(atLeast, lastFetch + QUIET_MS - Date.now(), 0));
  };

  const subscribed = () => {
    connected();
    if (everOpen) plan();  // what happened while it was away
    everOpen = true;
  };
  const heard = (message) => {
    if (message.type === "subscribed") return subscribed();
    if (message.type !== "event") return;
    lastEvent = new Date();
    connected();
    document.dispatchEvent(new CustomEvent(`live:${message.what}`, { detail: message }));
    plan();
  };
  const connect = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/live/`);
    let opened = 0;
    socket.onopen = () => {
      opened = Date.now();
      socket.send(JSON.stringify({ type: "subscribe", topics }));
    };
    socket.onmessage = (event) => heard(JSON.parse(event.data));
    socket.onclose = () => {
      // A connection that did not live is no reason to hurry: without this a refusing server is asked twice a second.
      retryMs = opened && Date.now() - opened > 5000 ? FIRST_RETRY_MS : Math.min(retryMs * 2, LONGEST_RETRY_MS);
      lost();
      setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
    };
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && wanted) plan(); });
  connect();
})();
