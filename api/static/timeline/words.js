// What the timeline writes: durations, clock times, sizes, and the lines that tell of an attempt. Pure, but for the reader's zone.
const UNITS = [[86400000, "d"], [3600000, "h"], [60000, "min"], [1000, "s"]];
const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  const parts = [];
  for (const [length, unit] of UNITS) {
    const count = Math.floor(ms / length);
    ms -= count * length;
    if (count || parts.length) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).filter((p) => !p.startsWith("0 ") || parts.length === 1).join(" ");
}

// In the reader's zone; `whole` with the day.
export function clock(ms, whole = false) {
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  return new Date(ms).toLocaleString(undefined, whole ? { ...options, year: "numeric", month: "short", day: "numeric" } : options);
}

function size(bytes) {
  let n = 0;
  while (bytes >= 1024 && n < SIZES.length - 1) { bytes /= 1024; n += 1; }
  return `${n ? bytes.toFixed(1) : bytes} ${SIZES[n]}`;
}

// The last `segments` of the process, and what no colour needs to say.
export function label(bar, segments) {
  const cut = bar.name.indexOf(" (");
  const process = (cut < 0 ? bar.name : bar.name.slice(0, cut)).split(":").slice(-segments).join(":");
  const words = [(process + (cut < 0 ? "" : bar.name.slice(cut))) || String(bar.task_id)];
  if (bar.attempt > 1) words.push(`attempt ${bar.attempt}`);
  if (["failed", "aborted", "cached"].includes(bar.status)) words.push(bar.status);
  return words.join(" · ");
}

export function ofBar(bar) {
  const lines = [bar.attempt > 1 ? `${bar.name}, attempt ${bar.attempt}` : bar.name, bar.critical ? `${bar.status}, on the critical path` : bar.status];
  if (bar.end === bar.begin) return [...lines, bar.status === "cached" ? "from the cache: no work was done here" : "took no time"];
  return [...lines, `${clock(bar.begin, true)} to ${clock(bar.end)}`,
    `queue ${duration(bar.start - bar.begin)}, execution ${duration(bar.execution_end - bar.start)}, overhead ${duration(bar.end - bar.execution_end)}`];
}

export function ofLane(group) {
  return [group.name, `${group.attempts} attempts${group.failed ? `, ${group.failed} failed` : ""}`, `${clock(group.begin, true)} to ${clock(group.end)}`, duration(group.end - group.begin)];
}

// Of a task as the API tells it.
export function ofTask(task) {
  const lines = [];
  if (task.hostname) lines.push(`host ${task.hostname}${task.machine_type ? `, ${task.machine_type}` : ""}`);
  if (task.exit !== null) lines.push(`exit ${task.exit}`);
  if (task.peak_rss_bytes !== null) lines.push(`memory ${size(task.peak_rss_bytes)}${task.memory_bytes ? ` of ${size(task.memory_bytes)}` : ""}`);
  if (task.cost !== null) lines.push(`cost ${Number(Number(task.cost).toPrecision(3))}`);
  return lines;
}

// What is said below the picture.
export function ofTimeline(base, filtered) {
  if (!base.total) return filtered ? "No task matches." : "No task has been reported yet.";
  if (base.total === base.cached && !filtered) return `All ${base.total.toLocaleString()} tasks came from the cache: no work was done here.`;
  return `${base.total.toLocaleString()} ${base.total === 1 ? "attempt" : "attempts"} over ${duration(base.ended - base.began)}`
    + (base.cached ? `; ${base.cached.toLocaleString()} from the cache did no work here` : "")
    + (base.missing ? `; ${base.missing.toLocaleString()} tasks were not reported one by one` : "")
    + (base.more_groups ? `; ${base.more_groups.toLocaleString()} more groups are not shown, filter for them` : "")
    + `; ${base.missing ? "at least" : "at most"} ${base.peak} at once. Underlined: the critical path, estimated by time. Arrows move, + and − zoom, Enter opens, T shows the table.`;
}
