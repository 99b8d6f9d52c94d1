// The runner's log on the page of a run: fetched when its tab is opened, followed while the run is live and the end is in view.
"use strict";
(() => {
  const holder = document.getElementById("log");
  if (!holder) return;
  const text = document.getElementById("log-text");
  const message = document.getElementById("log-message");
  const visible = () => document.getElementById("logs").classList.contains("on");
  let asked = false;

  async function refresh() {
    asked = true;
    try {
      const answer = await fetch(`/api/v1/runs/${encodeURIComponent(holder.dataset.run)}/log`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      message.textContent = [told.message, told.path].filter(Boolean).join(" ");
      const atEnd = text.hidden || text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      text.hidden = told.text === null;
      if (told.text !== null && text.textContent !== told.text) text.textContent = told.text;
      if (atEnd) text.scrollTop = text.scrollHeight;
    } catch {
      message.textContent = "The log could not be fetched.";
    }
  }

  document.getElementById("log-refresh").addEventListener("click", refresh);
  document.addEventListener("tracker:tab", () => { if (visible() && !asked) refresh(); });
  document.addEventListener("tracker:fresh", () => { if (visible()) refresh(); });
  if (visible()) refresh();
})();
