// The task timeline as swimlanes: a fixed column of names, rows of one height that scroll inside, of which only those that are seen are
// fetched and drawn. Each row has one bar, so zooming draws what is there already. Texts are never written as HTML.
import * as draw from "./timeline/draw.js";
import { Rows } from "./timeline/rows.js";
import { Tip } from "./timeline/tip.js";
import { ofBar, ofLane, ofTimeline } from "./timeline/words.js";

const ROW = 22;         // px; the style sheet has it too
const AHEAD = 40;       // rows that are fetched beyond what is seen
const OPEN_UP_TO = 300; // attempts of a run whose lanes are open at first
const LEAST_MS = 20;    // the shortest time that can be looked at
const LANES_MAX = 50;   // lanes that the address names
const KEPT = 20000;     // bars that are kept
const FIELDS = ["search", "status", "group"];

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

function start(figure) {
  const place = document.getElementById("gantt");
  const form = document.getElementById("timeline-filters");
  const caption = document.getElementById("timeline-caption");
  const run = "/runs/" + encodeURIComponent(figure.dataset.run);
  const axis = draw.element("div", "lanes-axis");
  const body = draw.element("div", "lanes-body");
  const tip = new Tip(run);

  let base = null;         // what the server said of the whole
  let rows = new Rows();
  const bars = new Map();  // row of the server → its bar
  let from = null;         // what is looked at, ms; null: the whole
  let to = null;
  let toggled = new Set(); // keys of lanes that are not as all are at first
  let active = 0;          // row that the keys act on
  let turn = 0;
  let wait = 0;
  let scrolledAt = 0;
  let writing = 0;
  let frame = 0;
  let fetchedAt = 0;

  const view = () => ({ from: from ?? base.began, to: to ?? base.ended, began: base.began });
  const byProcess = () => form.elements.group.value === "process";

  // ---- the address ------------------------------------------------------------------------------------------------------
  function readAddress() {
    const query = new URLSearchParams(location.search);
    for (const name of FIELDS) if (query.has(name)) form.elements[name].value = query.get(name) === "none" ? "" : query.get(name);
    const number = (name) => (/^\d{1,15}$/.test(query.get(name) ?? "") ? Number(query.get(name)) : null);
    [from, to] = [number("from"), number("to")];
    if (from === null || to === null || to - from < LEAST_MS) from = to = null;
    active = number("row") ?? 0;
    toggled = new Set(query.getAll("lane").slice(0, LANES_MAX));
  }

  function writeAddress() {
    const query = new URLSearchParams(location.search);
    const values = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));
    const { search, status } = values;
    const group = byProcess() ? "" : values.group || "none";
    for (const [name, value] of Object.entries({ search, status, group, from, to, row: active })) {
      if (value) query.set(name, typeof value === "number" ? String(Math.round(value)) : value);
      else query.delete(name);
    }
    query.delete("lane");
    for (const key of [...toggled].slice(0, LANES_MAX)) query.append("lane", key);
    history.replaceState(history.state, "", `${location.pathname}${query.toString() && `?${query}`}${location.hash}`);
  }

  // ---- what is fetched --------------------------------------------------------------------------------------------------
  async function ask(extra) {
    const query = new URLSearchParams();
    for (const name of FIELDS) if (form.elements[name].value) query.set(name, form.elements[name].value);
    document.getElementById("timeline-table").href = `${run}/timeline?${query}`;
    for (const [name, value] of Object.entries(extra)) query.set(name, String(value));
    const answer = await fetch(`${run}/timeline.json?${query}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  const asText = (ranges) => ranges.map(([first, last]) => `${first}-${last}`).join(",");

  function keep(found) {
    for (const bar of found) if (bar.attempts === 1) bars.set(bar.top, bar);
  }

  function seen() {
    const first = Math.floor(place.scrollTop / ROW);
    return [first, Math.min(rows.count - 1, first + Math.ceil(place.clientHeight / ROW))];
  }

  async function refresh() {
    const mine = ++turn;
    fetchedAt = Date.now();
    const [first, last] = base ? seen() : [0, 2 * AHEAD];
    const wanted = base ? rows.ranges(first - AHEAD, last + AHEAD) : [[first, last]];
    const answer = await ask({ bars: 1500, rows: asText(wanted.length ? wanted : [[0, 0]]) }).catch(() => null);
    if (mine !== turn) return;
    if (!answer) {
      caption.textContent = "The timeline could not be fetched; it is asked again when you change something.";
      return;
    }
    const fresh = base === null;
    base = answer;
    bars.clear();
    keep(answer.bars);
    arrange();
    if (fresh) {
      place.replaceChildren(axis, body);
      listen();
    }
    paint();
    if (fresh && active) place.scrollTop = Math.max(0, active - 3) * ROW;
    caption.textContent = ofTimeline(base, form.elements.search.value || form.elements.status.value);
    await fill();
  }

  // Fetches the rows that are seen and not known yet, with some around them.
  async function fill() {
    const [first, last] = seen();
    const known = ([low, high]) => { for (let row = low; row <= high; row += 1) if (!bars.has(row)) return false; return true; };
    if (rows.ranges(first, last).every(known)) return;
    const mine = ++turn;
    const missing = rows.ranges(first - AHEAD, last + AHEAD).filter((range) => !known(range));
    const part = await ask({ bars: 1500, rows: asText(missing) }).catch(() => null);
    if (mine !== turn) return;
    if (!part) {
      caption.textContent = "This part could not be fetched.";
      return;
    }
    if (bars.size > KEPT) bars.clear();
    keep(part.bars);
    paint();
  }

  // ---- drawing ----------------------------------------------------------------------------------------------------------
  function arrange() {
    const open = base.total <= OPEN_UP_TO;
    rows = new Rows(base, (group) => open !== toggled.has(group.key));
    active = clamp(active, 0, Math.max(0, rows.count - 1));
    body.style.height = `${rows.count * ROW}px`;
  }

  function paint() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const looked = view();
      const names = parseFloat(getComputedStyle(place).getPropertyValue("--names"));
      axis.replaceChildren(...draw.axis(looked, axis.clientWidth - names));
      const [first, last] = seen();
      const shown = [];
      for (let row = Math.max(0, first - 2); row <= Math.min(rows.count - 1, last + 2); row += 1) shown.push(drawRow(looked, row));
      body.replaceChildren(...shown);
      place.setAttribute("aria-activedescendant", `lane-${active}`);
    });
  }

  function drawRow(looked, row) {
    const { lane, server } = rows.at(row);
    const bar = bars.get(server);
    const made = lane ? draw.lane(looked, lane, run, byProcess()) : bar ? draw.attempt(looked, bar, run, byProcess()) : draw.row("lane", [], draw.element("div", "lane-bars"));
    made.id = `lane-${row}`;
    made.style.top = `${row * ROW}px`;
    made.classList.toggle("at", row === active);
    return made;
  }

  // ---- what people do ---------------------------------------------------------------------------------------------------
  function changed() {
    clearTimeout(writing);
    writing = setTimeout(writeAddress, 150);
    paint();
  }

  function look(begin, end) {
    const whole = base.ended - base.began;
    const length = clamp(end - begin, LEAST_MS, whole);
    const first = clamp(begin, base.began, base.ended - length);
    [from, to] = length >= whole ? [null, null] : [first, first + length];
    changed();
  }

  function zoom(factor, around) {
    const looked = view();
    const middle = around ?? (looked.from + looked.to) / 2;
    look(middle - (middle - looked.from) * factor, middle + (looked.to - middle) * factor);
  }

  function pan(share) {
    const looked = view();
    const by = (looked.to - looked.from) * share;
    look(looked.from + by, looked.to + by);
  }

  function toggle(key) {
    if (!toggled.delete(key)) toggled.add(key);
    arrange();
    changed();
    fill();
  }

  function go(row) {
    active = clamp(row, 0, Math.max(0, rows.count - 1));
    const room = place.clientHeight - axis.offsetHeight - ROW;
    place.scrollTop = clamp(place.scrollTop, active * ROW - room, active * ROW);
    changed();
  }

  function enter(row) {
    const { lane, server } = rows.at(row);
    if (lane) toggle(lane.group.key);
    else if (bars.has(server)) location.assign(`${run}/tasks/${bars.get(server).task_id}`);
  }

  const page = () => Math.floor(place.clientHeight / ROW) - 2;
  const KEYS = {
    ArrowDown: () => go(active + 1), ArrowUp: () => go(active - 1), Home: () => go(0), End: () => go(rows.count - 1),
    PageDown: () => go(active + page()), PageUp: () => go(active - page()), ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2),
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "−": () => zoom(2), 0: () => look(base.began, base.ended),
    Enter: () => enter(active), Escape: () => tip.hide(),
  };

  const rowOf = (target) => { const found = target.closest?.(".lane"); return found ? Number(found.id.slice(5)) : null; };

  function listen() {
    place.addEventListener("scroll", () => {
      tip.hide();
      paint();
      clearTimeout(wait);
      // At once where people jump; while they go on scrolling, what they come to a halt at.
      const now = performance.now();
      if (now - scrolledAt > 100) fill();
      else wait = setTimeout(fill, 30);
      scrolledAt = now;
    }, { passive: true });
    place.addEventListener("keydown", (event) => {
      if (event.target !== place || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      event.preventDefault();
      KEYS[event.key]();
    });
    place.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = axis.lastChild.getBoundingClientRect();
      const looked = view();
      zoom(event.deltaY < 0 ? 0.8 : 1.25, looked.from + clamp((event.clientX - box.left) / box.width, 0, 1) * (looked.to - looked.from));
    }, { passive: false });
    place.addEventListener("click", (event) => {
      const row = rowOf(event.target);
      if (row === null || event.target.closest("a")) return;
      active = row;
      if (rows.at(row).lane || event.target.closest(".bar-part")) enter(row);
      else changed();
    });
    place.addEventListener("mousemove", (event) => {
      const row = event.target.closest?.(".lane .lane-bars") ? rowOf(event.target) : null;
      const { lane, server } = row === null ? {} : rows.at(row);
      const bar = bars.get(server);
      if (lane) tip.show(ofLane(lane.group), null, event.clientX, event.clientY);
      else if (bar) tip.show(ofBar(bar), bar.task_id, event.clientX, event.clientY);
      else tip.hide();
    });
    place.addEventListener("mouseleave", () => tip.hide());
    window.addEventListener("resize", () => { if (place.offsetParent) paint(); });
  }

  const visible = () => document.getElementById("timeline").classList.contains("on");

  function open() {
    if (!visible()) return;
    if (base) paint();
    else if (!fetchedAt) {
      readAddress();
      refresh();
    }
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      from = to = null;
      active = place.scrollTop = 0;
      toggled.clear();
      writeAddress();
      refresh();
    }, 200);
  });
  form.addEventListener("click", (event) => {
    const how = event.target instanceof Element ? event.target.closest("[data-zoom]")?.getAttribute("data-zoom") : null;
    if (!how || !base) return;
    if (how === "all") look(base.began, base.ended);
    else zoom(how === "in" ? 0.5 : 2);
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
    if (event.key === "t" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && visible()) document.getElementById("timeline-table").click();
  });
  document.addEventListener("tracker:tab", open);
  document.addEventListener("tracker:fresh", () => { if (base && visible() && Date.now() - fetchedAt > 5000) refresh(); });
  open();
}

const figure = document.getElementById("timeline-figure");
if (figure) start(figure);
