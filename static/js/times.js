// Shows every <time datetime> in the reader's own zone; data-style="ago" as a distance that keeps counting.
(() => {
  const language = document.documentElement.lang || undefined;
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];

  const distance = (date) => {
    const seconds = Math.min(0, Math.round((date - Date.now()) / 1000));
    const [, unit, size] = STEPS.find(([limit]) => -seconds < limit);
    return ago.format(Math.round(seconds / size), unit);
  };
  const isToday = (date) => date.toDateString() === new Date().toDateString();
  const show = (element) => {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) return;
    const full = moment.format(date);
    element.title = full;
    element.textContent = element.dataset.style === "ago" ? distance(date) : isToday(date) ? clock.format(date) : full;
  };
  const showAll = (root = document) => root.querySelectorAll("time[datetime]").forEach(show);

  window.Contiv = Object.assign(window.Contiv || {}, { showTimes: showAll, clock: (date) => clock.format(date) });
  showAll();
  setInterval(() => document.querySelectorAll('time[data-style="ago"]').forEach(show), 5000);
})();
