// Draws <div class="plot" data-plot="address" data-unit="bps|count"> with uPlot and goes on drawing as samples arrive.
// The address answers {times: [s…], series: [{name, values: […]}]}, from `?since=` on.
(() => {
  const KEEP_SECONDS = 3600;
  // Seconds without a sample that are left empty: nodes tell every few, and a line across would say what nobody knows.
  const GAP_SECONDS = 15;
  const COLOURS = ["#2f81f7", "#2da44e", "#d4762c", "#a371f7", "#d6409f", "#1b9aaa", "#b08800", "#e5534b"];
  const STEPS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const short = (value) => {
    const [size, sign] = STEPS.find(([step]) => Math.abs(value) >= step) || [1, ""];
    return `${+(value / size).toPrecision(3)}${sign ? ` ${sign}` : ""}`;
  };
  const words = { bps: (v) => (v == null ? "–" : `${short(v)}${v < 1000 ? " " : ""}bit/s`), count: (v) => (v == null ? "–" : short(v)) };
  const atTime = (seconds) => Contiv.clock(new Date(seconds * 1000));
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const options = (box, names) => {
    const unit = words[box.dataset.unit] || words.count;
    const axis = { stroke: colour("--text-faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    return {
      width: box.clientWidth, height: 208, padding: [10, 42, 0, 0], cursor: { points: { size: 6 } },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.08, 1)] } },
      axes: [{ ...axis, space: 76, values: (_plot, ticks) => ticks.map(atTime) }, { ...axis, size: 78, values: (_plot, ticks) => ticks.map((tick) => unit(tick)) }],
      series: [{ label: box.dataset.time, value: (_plot, time) => (time == null ? "–" : atTime(time)) }, ...names.map((name, index) => ({
        label: name, stroke: COLOURS[index % COLOURS.length], width: 1.6, value: (_plot, value) => unit(value), points: { show: false },
      }))],
    };
  };

  const merge = (old, fresh) => {
    const rows = new Map();
    const names = [...new Set([...old.series, ...fresh.series].map((one) => one.name))];
    for (const part of [old, fresh]) {
      part.times.forEach((time, at) => {
        const row = rows.get(time) || {};
        for (const one of part.series) row[one.name] = one.values[at];
        rows.set(time, row);
      });
    }
    const last = Math.max(...rows.keys());
    const times = [...rows.keys()].filter((time) => time >= last - KEEP_SECONDS).sort((a, b) => a - b);
    return { times, series: names.map((name) => ({ name, values: times.map((time) => rows.get(time)[name] ?? null) })) };
  };

  const start = (box) => {
    let data = { times: [], series: [] };
    let plot = null;
    let asking = false;
    const names = () => data.series.map((one) => one.name);
    const columns = () => {
      const rows = data.times.flatMap((time, at) => (at && time - data.times[at - 1] > GAP_SECONDS ? [[time - 1, null], [time, at]] : [[time, at]]));
      return [rows.map(([time]) => time), ...data.series.map((one) => rows.map(([, at]) => (at == null ? null : one.values[at])))];
    };
    const rebuild = () => {
      plot?.destroy();
      plot = null;
      if (data.times.length < 2) return;
      box.replaceChildren();
      plot = new uPlot(options(box, names()), columns(), box);
    };
    const draw = (before) => {
      if (plot && before === names().join()) plot.setData(columns());
      else rebuild();
    };
    const ask = async () => {
      if (asking || document.hidden) return;
      asking = true;
      try {
        const since = data.times.at(-1);
        const address = since ? `${box.dataset.plot}${box.dataset.plot.includes("?") ? "&" : "?"}since=${since}` : box.dataset.plot;
        const answer = await fetch(address, { cache: "no-store" });
        if (!answer.ok) return;
        const before = names().join();
        const fresh = await answer.json();
        if (!fresh.times.length) return;
        data = merge(data, fresh);
        draw(before);
      } catch { /* the live sign tells of a lost connection; the last samples stay */ } finally { asking = false; }
    };
    document.addEventListener("live:traffic", ask);
    document.addEventListener("visibilitychange", ask);
    document.addEventListener("theme", rebuild);
    new ResizeObserver(() => plot && plot.width !== box.clientWidth && plot.setSize({ width: box.clientWidth, height: 208 })).observe(box);
    ask();
  };
  document.querySelectorAll("[data-plot]").forEach(start);
})();
