// The task timeline: what the server sends of a window (bars, or neighbours as one bar), drawn by ECharts, with the number of tasks at
// once below it on the same axis. Texts are drawn on the canvas, never written as HTML.
"use strict";
(() => {
  const figure = document.getElementById("timeline-figure");
  if (!figure) return;
  const ECHARTS = "/static/vendor/echarts-6.1.0/echarts.min.js";
  const place = document.getElementById("gantt");
  const form = document.getElementById("timeline-filters");
  const caption = document.getElementById("timeline-caption");
  const run = "/runs/" + encodeURIComponent(figure.dataset.run);
  let chart = null;
  let base = null; // the whole timeline, as last fetched
  let bars = [];
  let drawn = { began: 0, bars: [], groups: [] }; // what the chart's own data was made from: it may be drawn again at any time
  let labelBelow = 0; // y from which the next heading is free of the one above it
  let curve = null;
  let turn = 0;
  let zoom = [0, 100];
  let wait = 0;
  let fetchedAt = 0;
  let zoomedAt = 0;

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const TOKENS = { succeeded: "--good-fill", failed: "--bad-fill", running: "--busy", aborted: "--stop-fill", submitted: "--faint", pending: "--faint", cached: "--old" };
  let colours = {};
  function readColours() {
    colours = { ink: css("--ink"), dim: css("--dim"), line: css("--line"), ground: css("--ground"), raised: css("--raised"), queue: css("--faint"), busy: css("--busy") };
    for (const [status, token] of Object.entries(TOKENS)) colours[status] = css(token);
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const hues = new Map();
  function processColour(process) {
    if (!hues.has(process)) hues.set(process, (hues.size * 137.5 + 210) % 360);
    return `hsl(${Math.round(hues.get(process))}, 55%, ${dark.matches ? 74 : 30}%)`;
  }

  function duration(ms) {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
    const units = [[86400000, "d"], [3600000, "h"], [60000, "min"], [1000, "s"]];
    const parts = [];
    for (const [length, unit] of units) {
      const count = Math.floor(ms / length);
      ms -= count * length;
      if (count || parts.length) parts.push(`${count} ${unit}`);
    }
    return parts.slice(0, 2).filter((p) => !p.startsWith("0 ") || parts.length === 1).join(" ");
  }

  function load(source) {
    return new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
  }

  async function ask(path) {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  function query(extra) {
    const asked = new URLSearchParams();
    for (const name of ["search", "status", "group"]) if (form.elements[name].value) asked.set(name, form.elements[name].value);
    document.getElementById("timeline-table").href = `${run}/timeline?${asked}`;
    for (const [name, value] of Object.entries(extra)) asked.set(name, String(value));
    return asked;
  }

  const span = () => base.ended - base.began;
  const shown = () => [base.began + (span() * zoom[0]) / 100, base.began + (span() * zoom[1]) / 100];

  async function refresh() {
    const mine = ++turn;
    fetchedAt = Date.now();
    const answers = await Promise.all([
      ask(`${run}/timeline.json?${query({ bars: 1000 })}`),
      ask(`/api/v1${run}/concurrency?points=1000`),
    ]).catch(() => null);
    if (mine !== turn) return;
    if (!answers) {
      caption.textContent = "The timeline could not be fetched; it is asked again when you change something.";
      return;
    }
    [base, curve] = answers;
    bars = base.bars;
    draw();
    if (zoom[0] > 0 || zoom[1] < 100) showDetail();
  }

  function showDetail() {
    detail().catch(() => { caption.textContent = "This part could not be fetched."; });
  }

  async function detail() {
    if (!base) return;
    const [from, to] = shown();
    if (base.merged) {
      const mine = ++turn;
      const part = await ask(`${run}/timeline.json?${query({ bars: 1500, from_ms: Math.floor(from), to_ms: Math.ceil(to) })}`);
      if (mine !== turn) return;
      bars = part.bars;
    }
    drawBars();
  }

  // ---- drawing ----------------------------------------------------------------------------------------------------------
  function rowsShown() {
    const [from, to] = shown();
    const inside = bars.filter((b) => b.end >= from && b.begin <= to);
    if (!inside.length || (zoom[0] === 0 && zoom[1] === 100)) return [0, Math.max(base.rows, 1)];
    const first = Math.min(...inside.map((b) => b.top));
    const headed = base.groups.filter((g) => g.row < first).pop();
    return [headed && first - headed.row < 3 ? headed.row : first, Math.max(...inside.map((b) => b.bottom))];
  }

  function bar(params, api) {
    const b = drawn.bars[params.dataIndex];
    const area = params.coordSys;
    const x = (ms) => api.coord([ms - drawn.began, 0])[0];
    const top = api.coord([0, b.top])[1];
    const bottom = api.coord([0, b.bottom])[1];
    const high = bottom - top;
    const gap = b.attempts > 1 ? 0 : high >= 8 ? 3 : high >= 4 ? 1 : 0;
    const children = [];
    const rect = (from, to, fill, opacity) => {
      if (to <= from && fill !== colours[b.status]) return;
      const shape = echarts.graphic.clipRectByRect(
        { x: x(from), y: top + gap / 2, width: Math.max(1.5, x(to) - x(from)), height: Math.max(1, high - gap) },
        { x: area.x, y: area.y, width: area.width, height: area.height });
      if (shape) children.push({ type: "rect", shape, style: { fill, opacity } });
    };
    if (b.attempts > 1) rect(b.begin, b.end, colours[b.status], 0.8);
    else {
      if (b.end === b.begin) mark(children, x(b.begin), top + high / 2, Math.max(2, Math.min(5, high / 2 - 1)), area, colours[b.status]);
      rect(b.begin, b.start, colours.queue, 1);
      if (b.end > b.begin && b.status !== "submitted" && b.status !== "pending") rect(b.start, b.execution_end, colours[b.status], 1);
      if (b.end > b.begin) rect(b.execution_end, b.end, colours[b.status], 0.4);
      if (high >= 13) {
        const right = x(b.end) + 6 < area.x + area.width * 0.72;
        const from = right ? x(b.end) + 6 : x(b.begin) - 6;
        if (from > area.x && from < area.x + area.width) {
          children.push({ type: "text", silent: true, style: {
            text: label(b), x: from, y: top + high / 2, fill: processColour(b.process),
            font: "11px system-ui, sans-serif", verticalAlign: "middle", align: right ? "left" : "right",
            width: right ? area.x + area.width - from : from - area.x, overflow: "truncate" } });
        }
      }
    }
    return { type: "group", children };
  }

  // What took no time is a mark, which stays whole at the edges.
  function mark(children, at, y, r, area, fill) {
    if (at < area.x - 1 || at > area.x + area.width + 1 || y < area.y || y > area.y + area.height) return;
    const x = Math.min(Math.max(at, area.x + r), area.x + area.width - r);
    children.push({ type: "polygon", shape: { points: [[x, y - r], [x + r, y], [x, y + r], [x - r, y]] }, style: { fill } });
  }

  // What no colour needs to say: another attempt, and what did not succeed.
  function label(b) {
    const words = [b.name];
    if (b.attempt > 1) words.push(`attempt ${b.attempt}`);
    if (["failed", "aborted", "cached"].includes(b.status)) words.push(b.status);
    return words.join(" · ");
  }

  // Names stand beside the bars, not over them; one that has no room below the one above it is left out.
  function heading(params, api) {
    const g = drawn.groups[params.dataIndex];
    if (params.dataIndex === 0) labelBelow = 0;
    const [, y] = api.coord([0, g.row]);
    const [, below] = api.coord([0, g.row + 1]);
    const area = params.coordSys;
    if (below < area.y || y > area.y + area.height) return null;
    const children = y < area.y ? [] : [{ type: "line", shape: { x1: 0, x2: area.x + area.width, y1: y, y2: y }, style: { stroke: colours.line } }];
    if (Math.max(y, area.y) >= labelBelow) {
      labelBelow = Math.max(y, area.y) + 14;
      children.push({ type: "text", style: { text: `${g.name} (${g.attempts})`, x: 2, y: Math.max(y, area.y) + 2, fill: colours.ink,
        font: "600 11px system-ui, sans-serif", width: area.x - 8, overflow: "truncate" } });
    }
    return { type: "group", silent: true, children };
  }

  function tip(b) {
    if (b.attempts > 1) return `${b.attempts} tasks, such as ${b.name}\nin ${duration(b.end - b.begin)}; zoom in for each`;
    const lines = [b.attempt > 1 ? `${b.name}, attempt ${b.attempt}` : b.name, b.status];
    if (b.end === b.begin) lines.push(b.status === "cached" ? "from the cache: no work was done here" : "took no time");
    else lines.push(`queue ${duration(b.start - b.begin)}`, `execution ${duration(b.execution_end - b.start)}`, `overhead ${duration(b.end - b.execution_end)}`);
    return lines.join("\n");
  }

  function drawBars() {
    const [first, last] = rowsShown();
    drawn = { began: base.began, bars, groups: base.groups };
    chart.setOption({
      yAxis: [{ min: first, max: last }, {}],
      series: [
        { id: "bars", data: bars.map((b) => [b.begin - base.began, b.top, b.end - base.began, b.bottom]) },
        { id: "groups", data: base.groups.map((g) => [0, g.row]) },
      ],
    });
    const one = base.total === 1 ? "attempt" : "attempts";
    const filtered = form.elements.search.value || form.elements.status.value;
    caption.textContent = base.total && base.total === base.cached && !filtered
      ? `All ${base.total.toLocaleString()} tasks came from the cache: no work was done here.`
      : base.total
      ? `${base.total.toLocaleString()} ${one} over ${duration(span())}`
        + (bars.some((b) => b.attempts > 1) ? "; neighbours are drawn as one, zoom in for each" : "")
        + (base.cached ? `; ${base.cached.toLocaleString()} from the cache did no work here` : "")
        + (base.missing ? `; ${base.missing.toLocaleString()} tasks were not reported one by one` : "")
        + `; ${base.missing ? "at least" : "at most"} ${curve.peak} at once. Ctrl and the wheel zoom, dragging moves; T shows the table.`
      : filtered ? "No task matches." : "No task has been told yet.";
  }

  function draw() {
    readColours();
    const rows = Math.max(base.rows, 1);
    const high = Math.min(Math.max(rows * 18, 96), Math.max(320, Math.min(640, window.innerHeight - 380)));
    place.style.height = `${high + 190}px`;
    if (!chart) {
      chart = echarts.init(place, null, { renderer: "canvas" });
      listen();
    }
    chart.resize();
    const whole = span();
    const at = (time) => new Date(time).getTime() - base.began;
    const points = curve.points.map((p) => [at(p.at), p.running]);
    const peak = points.reduce((best, p) => (p[1] > best[1] ? p : best), [0, -1]);
    const elapsed = { color: colours.dim, fontSize: 11, hideOverlap: true, formatter: (v) => v <= 0 ? "0 s" : duration(v) };
    const axis = { type: "value", min: 0, max: whole, axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: colours.line } } };
    const quarters = zoom[0] === 0 && zoom[1] === 100 ? whole / 4 : undefined;
    const side = { left: base.groups.length ? Math.max(44, Math.min(220, Math.round(place.clientWidth / 4))) : 44, right: 20 };
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: "system-ui, sans-serif" },
      tooltip: { renderMode: "richText", confine: true, backgroundColor: colours.raised, borderColor: colours.line, textStyle: { color: colours.ink, fontSize: 12 } },
      grid: [{ ...side, top: 24, height: high }, { ...side, top: high + 56, height: 72 }],
      xAxis: [
        { ...axis, gridIndex: 0, position: "top", interval: quarters, axisLabel: { ...elapsed, formatter: (v) => quarters && whole > 0 ? `${Math.round((100 * v) / whole)} % · ${elapsed.formatter(v)}` : elapsed.formatter(v), alignMinLabel: "left", alignMaxLabel: "right" } },
        { ...axis, gridIndex: 1, interval: quarters, axisLabel: { ...elapsed, alignMinLabel: "left", alignMaxLabel: "right" } },
      ],
      yAxis: [
        { type: "value", inverse: true, show: false, gridIndex: 0, min: 0, max: rows },
        { type: "value", gridIndex: 1, min: 0, minInterval: 1, splitNumber: 2, name: "running tasks", nameTextStyle: { color: colours.dim, align: "left", fontSize: 11, padding: [0, 0, 0, -36] }, nameGap: 8,
          axisLabel: { color: colours.dim, fontSize: 11 }, splitLine: { lineStyle: { color: colours.line } } },
      ],
      dataZoom: [
        { type: "inside", xAxisIndex: [0, 1], filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, preventDefaultMouseMove: false, start: zoom[0], end: zoom[1] },
        { type: "slider", xAxisIndex: [0, 1], filterMode: "none", bottom: 4, height: 18, showDataShadow: false, showDetail: false, brushSelect: false, borderColor: colours.line, fillerColor: colours.line, handleStyle: { color: colours.dim }, moveHandleSize: 0, ...side, start: zoom[0], end: zoom[1] },
      ],
      series: [
        { id: "bars", type: "custom", renderItem: bar, encode: { x: [0, 2], y: [1, 3] }, clip: true, xAxisIndex: 0, yAxisIndex: 0, data: [], tooltip: { formatter: (p) => tip(drawn.bars[p.dataIndex]) } },
        { id: "groups", type: "custom", renderItem: heading, silent: true, clip: false, xAxisIndex: 0, yAxisIndex: 0, data: [], z: 3 },
        { id: "curve", type: "line", step: "end", symbol: "none", xAxisIndex: 1, yAxisIndex: 1, data: points, lineStyle: { color: colours.busy, width: 1.5 }, areaStyle: { color: colours.busy, opacity: 0.15 },
          markPoint: peak[1] > 0 ? { symbol: "circle", symbolSize: 7, itemStyle: { color: colours.busy }, silent: true, data: [{ coord: peak }],
            label: { show: true, formatter: `peak ${curve.peak}`, position: peak[0] > whole / 2 ? "left" : "right", color: colours.ink, fontSize: 11 } } : undefined },
      ],
    }, { notMerge: true });
    drawBars();
  }

  // ---- what people do ---------------------------------------------------------------------------------------------------
  function setZoom(start, end) {
    chart?.dispatchAction({ type: "dataZoom", start, end });
  }

  function listen() {
    chart.on("datazoom", () => {
      const { start, end } = chart.getOption().dataZoom[0];
      zoom = [start, end];
      // One step is answered at once, a wheel or a drag when it rests.
      const calm = Date.now() - zoomedAt > 250;
      zoomedAt = Date.now();
      clearTimeout(wait);
      wait = setTimeout(() => {
        const quarters = start === 0 && end === 100 ? span() / 4 : null;
        chart.setOption({ xAxis: [{ interval: quarters }, { interval: quarters }] });
        showDetail();
      }, calm ? 0 : 60);
    });
    chart.on("click", { seriesId: "bars" }, (p) => {
      const b = drawn.bars[p.dataIndex];
      if (b.attempts === 1) location.href = `${run}/tasks/${b.task_id}`;
      else setZoom((100 * (b.begin - base.began)) / span(), (100 * (b.end - base.began)) / span());
    });
    window.addEventListener("resize", () => { if (place.offsetParent) draw(); });
    dark.addEventListener("change", () => { if (base) draw(); });
  }

  const visible = () => document.getElementById("timeline").classList.contains("on");

  async function open() {
    if (!visible()) return;
    if (!window.echarts) await load(ECHARTS);
    if (!base) await refresh();
    else chart.resize();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => { zoom = [0, 100]; refresh(); }, 200);
  });
  form.addEventListener("click", (event) => {
    const how = event.target instanceof Element ? event.target.closest("[data-zoom]")?.getAttribute("data-zoom") : null;
    if (!how || !base) return;
    const middle = (zoom[0] + zoom[1]) / 2;
    const half = ((zoom[1] - zoom[0]) / 2) * (how === "in" ? 0.5 : 2);
    if (how === "all") setZoom(0, 100);
    else setZoom(Math.max(0, middle - half), Math.min(100, middle + half));
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
    if (event.key === "t" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && visible()) document.getElementById("timeline-table").click();
  });
  document.addEventListener("tracker:tab", open);
  document.addEventListener("tracker:fresh", () => { if (base && visible() && Date.now() - fetchedAt > 5000) refresh(); });
  open();
})();
