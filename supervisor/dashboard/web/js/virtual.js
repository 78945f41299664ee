// A grid of thousands of which only what is seen is in the document. Rows have one height, known beforehand: nothing jumps.

/** `least`: the width of a column in px; `height(width)`: of a row; `make(item)` and `update(node, item)`: its element;
 * `key(item)`. `near()` is called when the end comes close. Scrolls with `scroller`. */
export class Grid {
  #items = [];
  #nodes = new Map();
  #columns = 1;
  #width = 0;
  #rowHeight = 1;
  #frame = 0;

  constructor(host, { scroller, least, height, make, update, key, near, gap = 12 }) {
    Object.assign(this, { host, scroller, least, height, make, update, key, near, gap });
    host.classList.add("grid");
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(host);
    this.onScroll = () => this.#later();
    scroller.addEventListener("scroll", this.onScroll, { passive: true });
    this.#measure();
  }

  get columns() {
    return this.#columns;
  }

  /** What is shown, in order. */
  set items(items) {
    this.#items = items;
    this.#draw();
  }

  get items() {
    return this.#items;
  }

  destroy() {
    this.observer.disconnect();
    this.scroller.removeEventListener("scroll", this.onScroll);
    cancelAnimationFrame(this.#frame);
  }

  /** Brings an item into sight; gives its element. */
  reveal(index) {
    if (index < 0 || index >= this.#items.length) return null;
    const top = this.#offset() + Math.floor(index / this.#columns) * this.#rowHeight;
    const bottom = top + this.#rowHeight - this.gap;
    const view = this.scroller;
    if (top < view.scrollTop + 8) view.scrollTop = top - 8;
    else if (bottom > view.scrollTop + view.clientHeight - 8) view.scrollTop = bottom - view.clientHeight + 8;
    this.#draw();
    return this.#nodes.get(this.key(this.#items[index])) ?? null;
  }

  /** An item has changed: its element too, if there is one. */
  refresh(item) {
    const node = this.#nodes.get(this.key(item));
    if (node) this.update(node, item);
  }

  *shown() {
    for (const item of this.#items) {
      const node = this.#nodes.get(this.key(item));
      if (node) yield [item, node];
    }
  }

  #offset() {
    return this.host.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top + this.scroller.scrollTop;
  }

  #measure() {
    const width = this.host.clientWidth;
    if (!width) return;
    this.#columns = Math.max(1, Math.floor((width + this.gap) / (this.least + this.gap)));
    this.#width = (width - this.gap * (this.#columns - 1)) / this.#columns;
    this.#rowHeight = Math.round(this.height(this.#width)) + this.gap;
    this.#draw();
  }

  #later() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#width) return;
    const rows = Math.ceil(this.#items.length / this.#columns);
    this.host.style.height = `${Math.max(0, rows * this.#rowHeight - this.gap)}px`;
    const above = this.scroller.scrollTop - this.#offset();
    const first = Math.max(0, Math.floor(above / this.#rowHeight) - 1);
    const last = Math.ceil((above + this.scroller.clientHeight) / this.#rowHeight) + 1;
    const wanted = this.#items.slice(first * this.#columns, last * this.#columns);
    const keep = new Set(wanted.map((item) => this.key(item)));
    const focused = document.activeElement;
    for (const [key, node] of this.#nodes) {
      if (keep.has(key) || node.contains(focused)) continue;
      node.remove();
      this.#nodes.delete(key);
    }
    wanted.forEach((item, at) => this.#place(item, first * this.#columns + at));
    if (this.near && last >= rows - 2) this.near();
  }

  #place(item, index) {
    const key = this.key(item);
    let node = this.#nodes.get(key);
    if (!node) {
      node = this.make(item);
      this.#nodes.set(key, node);
      this.host.append(node);
    }
    const x = (index % this.#columns) * (this.#width + this.gap);
    const y = Math.floor(index / this.#columns) * this.#rowHeight;
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = `${this.#width}px`;
    node.style.height = `${this.#rowHeight - this.gap}px`;
    node.setAttribute("aria-posinset", String(index + 1));
    node.setAttribute("aria-setsize", String(this.#items.length));
  }
}
