"use strict";
// Sorting, filtering and charts of a report. Everything from the input reaches the page as text, never as markup.
(() => {
  const number = (cell) => (cell.dataset.v === undefined ? NaN : Number(cell.dataset.v));
  const compare = (column, sign) => (a, b) => {
    const [x, y] = [a.cells[column], b.cells[column]];
    const [nx, ny] = [number(x), number(y)];
    if (Number.isNaN(nx) && Number.isNaN(ny)) return sign * x.textContent.localeCompare(y.textContent);
    // Absent stays last whichever way the table is sorted.
    if (Number.isNaN(nx)) return 1;
    if (Number.isNaN(ny)) return -1;
    return sign * (nx - ny);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const first = head.classList.contains("num") ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", next);
        const body = table.tBodies[0];
        body.append(...[...body.rows].sort(compare(column, next === "ascending" ? 1 : -1)));
      });
    });
  }
  for (const input of document.querySelectorAll("input[type=search]")) {
    const table = document.getElementById(input.dataset.table);
    const status = document.getElementById(input.dataset.table.replace(/^t-/, "c-"));
    const rows = [...table.tBodies[0].rows];
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      status.textContent = words.length ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    };
    input.addEventListener("input", apply);
    apply();
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  const data = JSON.parse(document.getElementById("data").textContent);
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const size = (bytes) => {
    if (bytes === null || bytes === undefined) return "";
    let value = Math.abs(bytes), unit = 0;
    while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
    const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return `${bytes < 0 ? "-" : ""}${value.toFixed(digits)} ${units[unit]}`;
  };
  const nice = (min, max, count) => {
    const span = Math.max(max - min, 1);
    // Steps of 1, 2 and 5 in the unit that fits, so labels are round in binary units.
    const unit = 1024 ** Math.min(5, Math.floor(Math.log(Math.max(max, 1)) / Math.log(1024)));
    const raw = span / unit / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((n) => n * power).find((s) => s >= raw) * unit;
    const out = [];
    for (let at = Math.ceil(min / step) * step; at <= max; at += step) out.push(at);
    return out;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plots = [];
  const draw = () => {
    for (const plot of plots.splice(0)) plot.destroy();
    data.charts.forEach((chart, index) => {
      const box = document.getElementById(`chart-${index}`);
      if (!box || chart.time.length < 2) return;
      const last = chart.time.length - 1;
      const [start, end] = [chart.time[0], chart.time[last]];
      const time = [...chart.time], bytes = [...chart.bytes];
      let trend = null, low = null, high = null;
      const known = bytes.findLast((value) => value !== null);
      if (chart.rate !== null && known !== undefined) {
        const from = chart.onset === null ? start : chart.onset;
        const future = end + (end - start) * 0.2;
        time.push(future); bytes.push(null);
        const line = (rate, since) => time.map((t) => (t < since ? null : Math.max(0, known + rate * (t - end) / 86400)));
        trend = line(chart.rate, from);
        if (chart.low !== null && chart.high !== null) { low = line(chart.low, end); high = line(chart.high, end); }
      }
      const series = [{}, { label: "bytes", stroke: color("--data"), width: 2, value: (_, v) => size(v) }];
      const columns = [time, bytes];
      const bands = [];
      if (trend) {
        series.push({ label: "trend", stroke: color("--trend"), width: 1.5, dash: [6, 4], points: { show: false }, value: (_, v) => size(v) });
        columns.push(trend);
      }
      if (low) {
        for (const [label, column] of [["high", high], ["low", low]]) {
          series.push({ label, stroke: color("--trend"), width: 0.5, points: { show: false }, value: (_, v) => size(v) });
          columns.push(column);
        }
        bands.push({ series: [3, 4], fill: color("--band") });
      }
      const axis = { stroke: color("--fg"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
      const upright = (plot, at, name, dash) => {
        const x = plot.valToPos(at, "x", true);
        const { ctx, bbox } = plot;
        if (x < bbox.left || x > bbox.left + bbox.width) return;
        ctx.save();
        ctx.strokeStyle = color(name); ctx.lineWidth = 2; ctx.setLineDash(dash);
        ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
        ctx.restore();
      };
      const marks = (plot) => {
        if (data.clock) for (const at of data.events) upright(plot, at, "--dim", [1, 4]);
        if (chart.onset !== null) upright(plot, chart.onset, "--warn", [6, 3]);
      };
      const options = {
        width: Math.max(box.clientWidth, 200), height: 210, series, bands,
        scales: { x: { time: data.clock } },
        axes: [
          data.clock ? axis : { ...axis, label: "sample", stroke: color("--fg") },
          { ...axis, size: 78, values: (_, ticks) => ticks.map(size), splits: (_u, _a, min, max) => nice(min, max, 5) },
        ],
        hooks: { draw: [marks] },
        legend: { live: false },
      };
      plots.push(new uPlot(options, columns, box));
    });
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let timer = 0;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(draw, 150);
  });
})();
