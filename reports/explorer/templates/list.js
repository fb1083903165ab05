// A list box of any length: only the rows in sight are elements.
const HEIGHT = 48;
class List {
  constructor(box, draw, open) {
    Object.assign(this, { box, draw, open, rows: [], active: -1, pool: [] });
    this.inner = make("div", { class: "x-inner", role: "presentation" });
    box.append(this.inner);
    box.addEventListener("scroll", () => this.paint());
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("focus", () => {
      if (this.active < 0 && this.rows.length) this.move(0);
    });
    this.inner.addEventListener("click", (event) => {
      const element = event.target.closest(".x-row");
      if (!element) return;
      this.move(Number(element.dataset.place));
      this.open(this.rows[this.active]);
    });
    new ResizeObserver(() => this.paint()).observe(box);
  }

  show(rows, row) {
    this.rows = rows;
    this.active = rows.indexOf(row);
    this.inner.style.height = `${rows.length * HEIGHT}px`;
    this.box.scrollTop = this.active < 0 ? 0 : Math.max(0, (this.active - 2) * HEIGHT);
    this.paint();
  }

  paint() {
    const room = this.box.clientHeight;
    const first = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - 4);
    const last = Math.min(this.rows.length, Math.ceil((this.box.scrollTop + room) / HEIGHT) + 4);
    while (this.pool.length < last - first) {
      const element = make("div", { class: "x-row", role: "option" });
      this.pool.push(element);
      this.inner.append(element);
    }
    this.pool.forEach((element, k) => {
      const place = first + k;
      element.hidden = place >= last;
      if (element.hidden) {
        element.removeAttribute("id");
        return;
      }
      element.id = `x-row-${place}`;
      element.dataset.place = place;
      element.style.transform = `translateY(${place * HEIGHT}px)`;
      element.setAttribute("aria-posinset", place + 1);
      element.setAttribute("aria-setsize", this.rows.length);
      element.setAttribute("aria-selected", place === this.active);
      element.classList.toggle("x-active", place === this.active);
      this.draw(element, this.rows[place]);
    });
    if (this.active >= first && this.active < last) this.box.setAttribute("aria-activedescendant", `x-row-${this.active}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  move(place) {
    if (!this.rows.length) return;
    this.active = Math.min(this.rows.length - 1, Math.max(0, place));
    const top = this.active * HEIGHT;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + HEIGHT > scrollTop + clientHeight) this.box.scrollTop = top + HEIGHT - clientHeight;
    this.paint();
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      const step = steps[event.key];
      this.move(Number.isFinite(step) ? Math.max(0, this.active) + (this.active < 0 ? 0 : step) : step > 0 ? this.rows.length : 0);
    } else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) {
      this.open(this.rows[this.active]);
    } else return;
    event.preventDefault();
  }
}
