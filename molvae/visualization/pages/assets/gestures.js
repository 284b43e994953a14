// What fingers, mouse and keys do to a Scatter.

const STEP_KEYS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

Scatter.prototype.listen = function () {
  const canvas = this.marks;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button) return;
    canvas.setPointerCapture(event.pointerId);
    this.press(event.pointerId, place(event), event.shiftKey && this.tool === "move" ? "rectangle" : this.tool);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (this.pointers.has(event.pointerId)) this.drag(event.pointerId, at, event.pointerType);
    else if (event.pointerType === "mouse") this.hover(this.pointAt(at), at);
  });
  const release = (event) => this.release(event.pointerId, place(event), event);
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", (event) => {
    this.path = null;
    this.pointers.delete(event.pointerId);
    this.remark();
  });
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.hover(-1));
  canvas.addEventListener("dblclick", (event) => this.zoom(2, place(event)));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1);
    this.zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), place(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => this.key(event));
};

Scatter.prototype.press = function (id, at, tool) {
  this.pointers.set(id, at);
  this.first = this.pointers.size === 1 ? at : null; // two fingers tap nothing
  this.path = this.first && tool !== "move" ? { shape: tool, points: [at] } : null;
};

Scatter.prototype.drag = function (id, at, type) {
  const before = this.pointers.get(id);
  if (this.pointers.size === 2) {
    this.hover(-1);
    const [other] = [...this.pointers].filter(([one]) => one !== id).map(([, point]) => point);
    const distance = (a) => Math.max(10, Math.hypot(a.x - other.x, a.y - other.y));
    this.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
    this.zoom(distance(at) / distance(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
  } else {
    const slack = type === "touch" ? 2 * TAP : TAP;
    if (this.first && Math.hypot(at.x - this.first.x, at.y - this.first.y) < slack) return; // still a tap
    this.first = null;
    this.hover(-1);
    if (this.path) {
      this.path.points.push(at);
      this.remark();
    } else this.pan(at.x - before.x, at.y - before.y);
  }
  this.pointers.set(id, at);
};

Scatter.prototype.release = function (id, at, event) {
  if (!this.pointers.delete(id)) return;
  if (this.first) {
    const found = this.pointAt(at, event.pointerType);
    this.on.pick(found, found < 0 ? at : this.toScreen(found));
  } else if (this.path && this.path.points.length > 1) {
    this.on.select(this.inside(this.outline()), event.shiftKey && this.tool !== "move");
  }
  this.first = this.path = null;
  this.remark();
};

Scatter.prototype.hover = function (i, at) {
  if (i === this.hovered && i >= 0) return;
  this.hovered = i;
  this.on.hover(i, i < 0 ? at : this.toScreen(i));
  this.remark();
};

Scatter.prototype.key = function (event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (STEP_KEYS[event.key]) this.pan(...STEP_KEYS[event.key]);
  else if (event.key === "+" || event.key === "=") this.zoom(1.4);
  else if (event.key === "-") this.zoom(1 / 1.4);
  else if (event.key === "0") this.home();
  else if (event.key === "Enter") {
    const middle = { x: this.width / 2, y: this.height / 2 };
    const data = this.toData(middle);
    const found = this.index.nearest(data.x, data.y, this.width / this.view.scale, (i) => !this.hidden.has(this.classes[i]));
    if (found >= 0) this.on.pick(found, this.toScreen(found));
  } else return;
  event.preventDefault();
};
