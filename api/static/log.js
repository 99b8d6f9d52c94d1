// The runner's log on the page of a run: fetched when its tab is opened, again while the run is live; one of several is chosen by its
// cycle, and a search leaves the lines that hold its text.
"use strict";
(() => {
  const holder = document.getElementById("log");
  if (!holder) return;
  const at = (name) => document.getElementById(`log-${name}`);
  const [text, message, choice, names, search, follow, download] =
    ["text", "message", "choice", "name", "search", "follow", "download"].map(at);
  const run = encodeURIComponent(holder.dataset.run);
  const visible = () => document.getElementById("logs").classList.contains("on");
  let asked = false;
  let turn = 0;
  let log = null;

  function caption(file) {
    const mib = file.bytes / 2 ** 20;
    return `${file.cycle ? `cycle ${file.cycle}: ` : ""}${file.name} (${mib >= 0.1 ? `${mib.toFixed(1)} MB` : `${file.bytes} bytes`})`;
  }

  function showNames() {
    choice.hidden = log.logs.length < 2;
    const chosen = names.value;
    const same = names.options.length === log.logs.length && log.logs.every((file, n) => names.options[n].value === file.name);
    if (same) log.logs.forEach((file, n) => { names.options[n].textContent = caption(file); }); // a list that is open stays so
    else {
      names.replaceChildren(...log.logs.map((file) => new Option(caption(file), file.name)));
      names.value = log.logs.some((file) => file.name === chosen) ? chosen : log.name || "";
    }
    download.hidden = log.name === null;
    download.href = `/runs/${run}/log/download?name=${encodeURIComponent(log.name || "")}`;
  }

  function showText() {
    const wanted = search.value.toLowerCase();
    let shown = log.text;
    let found = "";
    if (wanted && log.text !== null) {
      const lines = log.text.split("\n");
      const some = lines.filter((line) => line.toLowerCase().includes(wanted));
      shown = some.join("\n");
      found = `${some.length.toLocaleString()} of ${lines.length.toLocaleString()} lines.`;
    }
    message.textContent = [found, log.message, log.path].filter(Boolean).join(" ");
    text.hidden = shown === null;
    if (shown !== null && text.textContent !== shown) text.textContent = shown;
    if (follow.checked) text.scrollTop = text.scrollHeight;
  }

  async function refresh() {
    asked = true;
    const mine = ++turn;
    const name = names.value && names.selectedIndex > 0 ? `?name=${encodeURIComponent(names.value)}` : "";
    try {
      const answer = await fetch(`/api/v1/runs/${run}/log${name}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = await answer.json();
      if (mine !== turn) return;
      log = fresh;
      showNames();
      showText();
    } catch {
      if (mine === turn) message.textContent = "The log could not be fetched.";
    }
  }

  at("refresh").addEventListener("click", refresh);
  names.addEventListener("change", refresh);
  search.addEventListener("input", () => { if (log) showText(); });
  follow.addEventListener("change", () => { if (log) showText(); });
  // Who scrolls up reads, and is not taken to the end again until they go there.
  text.addEventListener("wheel", (event) => { if (event.deltaY < 0) follow.checked = false; }, { passive: true });
  document.addEventListener("tracker:tab", () => { if (visible() && !asked) refresh(); });
  document.addEventListener("tracker:fresh", () => { if (visible()) refresh(); });
  if (visible()) refresh();
})();
