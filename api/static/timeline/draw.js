// The elements of the timeline: its axis and its rows. `view`: what is looked at, ms since 1970, and when the run began.
import { clock, duration, label } from "./words.js";

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
const STEPS = [10, 50, 100, 500, SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR, 168 * HOUR, 720 * HOUR, 8760 * HOUR];
const TICK_PX = 110; // room of a tick's words

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function axis(view, wide) {
  const step = STEPS.find((s) => (view.to - view.from) / s <= Math.max(2, wide / TICK_PX)) ?? STEPS.at(-1);
  const scale = element("div", "lane-bars");
  for (let ms = Math.ceil((view.from - view.began) / step) * step; view.began + ms <= view.to; ms += step) {
    const tick = element("span", "tick");
    tick.style.left = `${(100 * (view.began + ms - view.from)) / (view.to - view.from)}%`;
    tick.append(element("strong", "", clock(view.began + ms)), element("i", "", ms ? `+${duration(ms)}` : "0 s"));
    scale.append(tick);
  }
  return [element("div", "lane-name"), scale];
}

function stretch(line, view, begin, end, kind) {
  if (end < view.from || begin > view.to) return;
  const share = (ms) => Math.min(1, Math.max(0, (ms - view.from) / (view.to - view.from)));
  const made = element("span", `bar-part ${kind}`);
  made.style.left = `${100 * share(begin)}%`;
  made.style.width = `${100 * (share(end) - share(begin))}%`;
  line.append(made);
}

// A lane: the name of its group, which leads to the process, and when it was at work.
export function lane(view, { group, open }, run, byProcess) {
  const toggle = element("button", "lane-toggle", open ? "▾" : "▸");
  toggle.type = "button";
  toggle.tabIndex = -1;
  toggle.setAttribute("aria-expanded", String(open));
  toggle.setAttribute("aria-label", `Attempts of ${group.name}`);
  const linked = byProcess && group.key.trim();
  const name = element(linked ? "a" : "span", "lane-text", byProcess ? group.name.split(":").slice(-2).join(":") : group.name);
  if (linked) name.href = `${run}/process?name=${encodeURIComponent(group.key)}`;
  name.title = group.name;
  const count = element("span", group.failed ? "meta is-failed" : "meta", group.failed ? `${group.attempts}, ${group.failed} failed` : String(group.attempts));
  const line = element("div", "lane-bars");
  for (const [begin, end] of group.busy) stretch(line, view, begin, end, "busy");
  return row("lane head", [toggle, name, count], line);
}

// An attempt: its task's name, and its queue, execution and overhead; or a mark, where it took no time.
export function attempt(view, bar, run, byProcess) {
  const name = element("a", "lane-text", label(bar, byProcess ? 1 : 2));
  name.href = `${run}/tasks/${bar.task_id}`;
  name.title = bar.name;
  const line = element("div", bar.critical ? "lane-bars critical" : "lane-bars");
  const waiting = bar.status === "submitted" || bar.status === "pending";
  if (bar.end === bar.begin) stretch(line, view, bar.begin, bar.end, `mark is-${bar.status}`);
  else {
    if (bar.start > bar.begin || waiting) stretch(line, view, bar.begin, waiting ? bar.end : bar.start, "queue");
    if (!waiting) stretch(line, view, bar.start, bar.execution_end, `run is-${bar.status}`);
    if (bar.end > bar.execution_end) stretch(line, view, bar.execution_end, bar.end, `rest is-${bar.status}`);
  }
  return row("lane", [name], line);
}

export function row(className, names, line) {
  const made = element("div", className);
  const name = element("div", "lane-name");
  name.append(...names);
  made.append(name, line);
  return made;
}
