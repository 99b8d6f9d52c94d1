// Which rows the timeline shows: lanes that are folded or open, in the order in which they began, and the attempts of the open ones. A
// row that is shown is not the server's row: a folded lane takes one, and the server sorts lanes by name. Pure.
const RANGES_MAX = 50;

export class Rows {
  constructor(timeline = { groups: [], rows: 0 }, isOpen = () => true) {
    this.lanes = timeline.groups.map((group) => ({ group, open: isOpen(group), top: 0 }));
    this.lanes.sort((a, b) => a.group.begin - b.group.begin || a.group.row - b.group.row);
    this.count = this.lanes.length ? 0 : timeline.rows;
    for (const lane of this.lanes) {
      lane.top = this.count;
      this.count += 1 + (lane.open ? lane.group.attempts : 0);
    }
  }

  // What stands in a row: { lane }, or { server }, the server's row of an attempt.
  at(row) {
    if (!this.lanes.length) return { server: row };
    let low = 0;
    let high = this.lanes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lanes[middle].top <= row) low = middle;
      else high = middle - 1;
    }
    const lane = this.lanes[low];
    return row === lane.top ? { lane } : { server: lane.group.row + row - lane.top };
  }

  // The server's rows of the attempts in these rows, as ranges with both ends.
  ranges(first, last) {
    if (!this.lanes.length) return this.count ? [[Math.max(0, first), Math.min(last, this.count - 1)]] : [];
    const found = [];
    for (const { group, open, top } of this.lanes) {
      const low = Math.max(1, first - top);
      const high = Math.min(group.attempts, last - top);
      if (open && low <= high) found.push([group.row + low, group.row + high]);
    }
    return found.slice(0, RANGES_MAX);
  }
}
