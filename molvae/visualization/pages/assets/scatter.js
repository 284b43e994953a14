// Dots on a canvas that can be moved, enlarged, pointed at and selected; mouse, touch and keyboard.

const TAP = 6; // pixels that a finger or mouse may move while it taps
const REACH = { mouse: 9, pen: 12, touch: 22 }; // pixels within which a dot is hit
const FARTHEST = 400; // times enlarged
const MARGIN = 40; // pixels around the picture: a dot that is partly outside needs no care

/** A color #rrggbb as a pixel: alpha, blue, green, red from the high byte to the low. */
function pixelColor(color) {
  const number = parseInt(color.slice(1), 16);
  return (0xff000000 | ((number & 0xff) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}

/** The pixel `below` with `above` on it, of an alpha from 0 to 256. */
function mixed(below, above, alpha) {
  const rest = 256 - alpha;
  const redBlue = (((below & 0xff00ff) * rest + (above & 0xff00ff) * alpha) >>> 8) & 0xff00ff;
  const green = (((below & 0xff00) * rest + (above & 0xff00) * alpha) >>> 8) & 0xff00;
  return (0xff000000 | redBlue | green) >>> 0;
}

/** The pixels of a dot as steps from its middle one, in a picture of that width: those inside, and those on its edge. */
function dotMask(radius, stride) {
  const inner = [], edge = [], alpha = [], reach = Math.ceil(radius + 1);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const covered = Math.round(256 * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy))));
      if (covered === 256) inner.push(dy * stride + dx);
      else if (covered) {
        edge.push(dy * stride + dx);
        alpha.push(covered);
      }
    }
  }
  return { inner: Int32Array.from(inner), edge: Int32Array.from(edge), alpha: Int32Array.from(alpha) };
}

class Scatter {
  /**
   * stage: element for the canvases; x, y: of the points, y upwards; `on.hover(i, at)`, `on.pick(i, at)` and
   * `on.select(points, more)` are called with -1 or points, and the place in the stage.
   */
  constructor(stage, x, y, on) {
    Object.assign(this, { stage, x, y, on, tool: "move", classes: null, hidden: new Set() });
    this.index = new PointIndex(x, y);
    this.dots = stage.querySelector("canvas.dots");
    this.marks = stage.querySelector("canvas.marks");
    this.strong = null; // points that stand out; the others step back
    this.pinned = [];
    this.hovered = -1;
    this.path = null;
    this.pointers = new Map();
    this.order = Uint32Array.from(x, (_, i) => i);
    this.listen();
    new ResizeObserver(() => this.resize()).observe(stage);
    this.resize();
  }

  /** The color class of every point, the color of every class, and the order in which dots overlap. */
  setColors(classes, palette, order) {
    Object.assign(this, { classes, order });
    this.paper = pixelColor(cssColor("--paper"));
    this.strongColors = Uint32Array.from(palette, pixelColor);
    this.weakColors = this.strongColors.map((color) => mixed(this.paper, color, 40));
    this.redraw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const atHome = !this.view || this.view.home;
    this.ratio = Math.min(2, devicePixelRatio || 1); // finer than that nobody sees, and it costs
    Object.assign(this, { width, height, image: null });
    for (const canvas of [this.dots, this.marks]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    if (atHome) this.home();
    this.paint(); // at once: paper has another size, and waits for no frame
  }

  /** All points in view, both axes at one scale. */
  home() {
    const { left, right, top, bottom } = this.index;
    const free = 0.92, wide = right - left, high = bottom - top;
    const scale = Math.min(wide ? (free * this.width) / wide : Infinity, high ? (free * this.height) / high : Infinity);
    this.homeScale = Number.isFinite(scale) ? scale : 1;
    this.view = { x: (left + right) / 2, y: (top + bottom) / 2, scale: this.homeScale, home: true };
    this.redraw();
  }

  toScreen(i) {
    const { x, y, scale } = this.view;
    return { x: this.width / 2 + (this.x[i] - x) * scale, y: this.height / 2 - (this.y[i] - y) * scale };
  }

  toData(at) {
    const { x, y, scale } = this.view;
    return { x: x + (at.x - this.width / 2) / scale, y: y - (at.y - this.height / 2) / scale };
  }

  pan(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.view.home = false;
    this.redraw();
  }

  zoom(factor, at = { x: this.width / 2, y: this.height / 2 }) {
    const fixed = this.toData(at);
    this.view.scale = Math.min(FARTHEST * this.homeScale, Math.max(this.homeScale / 3, this.view.scale * factor));
    const moved = this.toData(at);
    this.view.x += fixed.x - moved.x;
    this.view.y += fixed.y - moved.y;
    this.view.home = false;
    this.redraw();
  }

  /** Bring a point into the middle, enlarged at least so far. */
  show(i, times = 4) {
    Object.assign(this.view, { x: this.x[i], y: this.y[i], home: false });
    this.view.scale = Math.max(this.view.scale, times * this.homeScale);
    this.redraw();
  }

  redraw() {
    this.waiting ||= requestAnimationFrame(() => this.paint());
  }

  remark() {
    this.waitingMarks ||= requestAnimationFrame(() => this.paintMarks());
  }

  paint() {
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
    if (!this.classes || !this.width) return;
    this.image ??= new ImageData(this.dots.width + 2 * MARGIN, this.dots.height + 2 * MARGIN);
    this.pixels = new Uint32Array(this.image.data.buffer).fill(this.paper);
    this.mask = dotMask(this.radius * this.ratio, this.image.width);
    if (!this.strong) this.paintDots(this.strongColors, () => true);
    else {
      this.paintDots(this.weakColors, (i) => !this.strong.has(i));
      this.paintDots(this.strongColors, (i) => this.strong.has(i));
    }
    this.dots.getContext("2d", { alpha: false }).putImageData(this.image, -MARGIN, -MARGIN);
    this.paintMarks();
  }

  /** Write dots pixel by pixel: for tens of thousands of them several times as fast as the canvas's own shapes. */
  paintDots(colors, wanted) {
    const { x, y, classes, hidden, order, pixels } = this;
    const { inner, edge, alpha } = this.mask, stride = this.image.width, lines = this.image.height;
    const scale = this.view.scale * this.ratio;
    const atX = stride / 2 - this.view.x * scale, atY = lines / 2 + this.view.y * scale, half = MARGIN / 2;
    for (let k = 0; k < order.length; k++) {
      const i = order[k];
      const column = Math.round(atX + x[i] * scale), row = Math.round(atY - y[i] * scale);
      if (column < half || row < half || column >= stride - half || row >= lines - half) continue;
      if (hidden.has(classes[i]) || !wanted(i)) continue;
      const at = row * stride + column, color = colors[classes[i]];
      for (let m = 0; m < inner.length; m++) pixels[at + inner[m]] = color;
      for (let m = 0; m < edge.length; m++) pixels[at + edge[m]] = mixed(pixels[at + edge[m]], color, alpha[m]);
    }
  }

  /** Radius of a dot in pixels: so that all cover a part of the stage, and larger where it is enlarged. */
  get radius() {
    const base = Math.sqrt((0.1 * this.width * this.height) / (Math.PI * Math.max(1, this.x.length)));
    return Math.min(7, Math.max(1.6, Math.min(4.5, base)) * (this.view.scale / this.homeScale) ** 0.3);
  }

  paintMarks() {
    cancelAnimationFrame(this.waitingMarks);
    this.waitingMarks = 0;
    const context = this.marks.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.strokeStyle = context.fillStyle = cssColor("--ink");
    context.lineWidth = 1.5;
    const ring = (i) => {
      const at = this.toScreen(i);
      context.beginPath();
      context.arc(at.x, at.y, this.radius + 3, 0, 2 * Math.PI);
      context.stroke();
      return at;
    };
    if (this.hovered >= 0) ring(this.hovered);
    context.font = "600 12px system-ui, sans-serif";
    this.pinned.forEach((i, place) => {
      const at = ring(i);
      context.lineWidth = 3;
      context.strokeStyle = cssColor("--paper");
      context.strokeText(place + 1, at.x + this.radius + 5, at.y - 4);
      context.fillText(place + 1, at.x + this.radius + 5, at.y - 4);
      context.lineWidth = 1.5;
      context.strokeStyle = cssColor("--ink");
    });
    if (this.path) this.paintPath(context);
  }

  paintPath(context) {
    context.strokeStyle = context.fillStyle = cssColor("--accent");
    context.beginPath();
    this.outline().forEach(({ x, y }) => context.lineTo(x, y));
    context.closePath();
    context.stroke();
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
  }

  /** Corners of what is being drawn, a rectangle or a lasso. */
  outline() {
    const { points, shape } = this.path;
    if (shape === "lasso") return points;
    const a = points[0], b = points[points.length - 1];
    return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
  }

  /** The visible points inside a polygon of places in the stage. */
  inside(polygon) {
    const corners = polygon.map((at) => this.toData(at)), found = [];
    for (let i = 0; i < this.x.length; i++) {
      if (!this.hidden.has(this.classes[i]) && isInside(this.x[i], this.y[i], corners)) found.push(i);
    }
    return found;
  }

  pointAt(at, type = "mouse") {
    const { x, y } = this.toData(at);
    return this.index.nearest(x, y, (REACH[type] ?? 9) / this.view.scale, (i) => !this.hidden.has(this.classes[i]));
  }
}
