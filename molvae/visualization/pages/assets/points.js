// Points in the plane and their texts, without a picture: what is near, what is inside, what is found.

class PointIndex {
  /** A grid over the points, of about two in a cell. */
  constructor(x, y) {
    this.x = x;
    this.y = y;
    const n = x.length;
    [this.left, this.right] = extent(x);
    [this.top, this.bottom] = extent(y);
    const width = this.right - this.left || 1, height = this.bottom - this.top || 1;
    this.cell = Math.max(Math.sqrt((width * height) / Math.max(1, n / 2)), Math.max(width, height) / 1000);
    this.columns = Math.floor(width / this.cell) + 1;
    this.lines = Math.floor(height / this.cell) + 1;
    const count = new Uint32Array(this.columns * this.lines + 1);
    const cells = Uint32Array.from(x, (_, i) => this.cellOf(x[i], y[i]));
    for (const cell of cells) count[cell + 1]++;
    for (let cell = 0; cell < count.length - 1; cell++) count[cell + 1] += count[cell];
    this.start = count.slice();
    this.points = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.points[count[cells[i]]++] = i;
  }

  cellOf(x, y) {
    return Math.floor((y - this.top) / this.cell) * this.columns + Math.floor((x - this.left) / this.cell);
  }

  /** The nearest point within a distance that `accepts` accepts; -1 if there is none. */
  nearest(x, y, distance, accepts = () => true) {
    let best = -1, least = distance * distance;
    const column = (at) => Math.floor((at - this.left) / this.cell), row = (at) => Math.floor((at - this.top) / this.cell);
    const lastRow = Math.min(this.lines - 1, row(y + distance)), lastColumn = Math.min(this.columns - 1, column(x + distance));
    for (let r = Math.max(0, row(y - distance)); r <= lastRow; r++) {
      for (let c = Math.max(0, column(x - distance)); c <= lastColumn; c++) {
        const cell = r * this.columns + c;
        for (let k = this.start[cell]; k < this.start[cell + 1]; k++) {
          const i = this.points[k];
          const far = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
          if (far <= least && accepts(i)) [best, least] = [i, far];
        }
      }
    }
    return best;
  }
}

/** Least and greatest value; [0, 0] of none. */
function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

/** Whether a point is inside a polygon of {x, y}, by the even-odd rule. */
function isInside(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const a = polygon[i], b = polygon[j];
    if (a.y > y !== b.y > y && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x)) inside = !inside;
  }
  return inside;
}

/** Points that a text means: the row or name of that number, or with it in the SMILES (by case) or another text. */
function findPoints(query, table) {
  const wanted = query.trim(), folded = wanted.toLowerCase(), found = [];
  if (!wanted) return found;
  const number = /^#?\d+$/.test(wanted) ? Number(wanted.replace("#", "")) : null, onlyRow = wanted.startsWith("#");
  const texts = table.columns
    .filter((column) => column.texts)
    .map(({ values, texts }) => ({ values, hits: texts.map((text) => text.toLowerCase().includes(folded)) }));
  const numbers = table.columns.filter((column) => !column.texts).map((column) => column.values);
  for (let i = 0; i < table.smiles.length; i++) {
    if (
      table.rows[i] === number ||
      (number > 999 && !onlyRow && numbers.some((values) => values[i] === number)) ||
      ((number === null || wanted.length > 1) && !onlyRow && table.smiles[i].includes(wanted)) ||
      texts.some(({ values, hits }) => values[i] >= 0 && hits[values[i]])
    ) found.push(i);
  }
  // What was asked for by its row comes first.
  return number === null ? found : found.sort((a, b) => (table.rows[b] === number) - (table.rows[a] === number) || a - b);
}

/** A .smi file: SMILES and row, in the order of the table. */
function smiText(points, table) {
  return points.map((i) => `${table.smiles[i]}\t${table.rows[i]}\n`).join("");
}

/** A number as a short text. */
function shortNumber(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return String(value); // it may be the name of a compound
  return size >= 1e6 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
