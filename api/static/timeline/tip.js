// What is said of the bar under the pointer: at once what the picture knows, and a moment later what the API tells of the task.
import { ofTask } from "./words.js";

const REST_MS = 120;
const KEPT = 500;

export class Tip {
  constructor(run) {
    this.run = run;
    this.turn = 0;
    this.told = new Map();
    this.box = document.createElement("div");
    this.box.className = "lane-tip";
    this.box.hidden = true;
    document.body.append(this.box);
  }

  hide() {
    this.turn += 1;
    this.box.hidden = true;
  }

  // `task`: id of the task, or null.
  async show(lines, task, x, y) {
    const mine = ++this.turn;
    this.put(lines, x, y);
    if (task === null) return;
    await new Promise((done) => { setTimeout(done, REST_MS); });
    if (mine !== this.turn) return;
    if (!this.told.has(task)) {
      const answer = await fetch(`/api/v1${this.run}/tasks/${task}`).then((a) => (a.ok ? a.json() : null), () => null);
      if (this.told.size > KEPT) this.told.clear();
      if (answer) this.told.set(task, answer);
    }
    if (mine === this.turn && this.told.has(task)) this.put([...lines, ...ofTask(this.told.get(task))], x, y);
  }

  put(lines, x, y) {
    this.box.textContent = lines.join("\n");
    this.box.hidden = false;
    const { offsetWidth: wide, offsetHeight: high } = this.box;
    this.box.style.left = `${Math.max(4, Math.min(x + 12, window.innerWidth - wide - 4))}px`;
    this.box.style.top = `${y + 16 + high > window.innerHeight ? Math.max(4, y - high - 8) : y + 16}px`;
  }
}
