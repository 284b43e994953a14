// 2-D structures, drawn as SVG from atoms and bonds (molvae.chem.depiction says what the numbers mean).

const STEP = 0.32; // units of the picture in a step of the coordinates: a bond is 24 units long
const FONT = 12.5;
const GAP = 4.2; // between the two lines of a double bond
const ELEMENT_COLORS = { N: "n", O: "o", S: "s", Se: "s", P: "p", F: "halogen", Cl: "halogen", Br: "halogen", I: "halogen" };

const HYDROGENS_FIRST = new Set(["O", "S", "Se", "Te", "F", "Cl", "Br", "I"]); // H2O, HCl; but NH3, CH4

class Structures {
  /** buffer: what `_bytes` of molvae/pages/map.py wrote; labels: [symbol, hydrogens, charge, isotope, radicals]. */
  constructor(buffer, labels) {
    const [molecules, atoms, bonds] = new Uint32Array(buffer, 0, 3);
    let at = 12;
    const take = (Type, length) => {
      const array = new Type(buffer, at, length);
      at += array.byteLength;
      return array;
    };
    this.labels = labels;
    this.label = take(Uint16Array, atoms);
    this.x = take(Int16Array, atoms);
    this.y = take(Int16Array, atoms);
    this.atoms = take(Uint8Array, molecules);
    this.bonds = take(Uint8Array, molecules);
    this.begin = take(Uint8Array, bonds);
    this.end = take(Uint8Array, bonds);
    this.kind = take(Uint8Array, bonds);
    this.atomStart = new Uint32Array(molecules + 1);
    this.bondStart = new Uint32Array(molecules + 1);
    for (let i = 0; i < molecules; i++) {
      this.atomStart[i + 1] = this.atomStart[i] + this.atoms[i];
      this.bondStart[i + 1] = this.bondStart[i] + this.bonds[i];
    }
  }

  /** Atoms {x, y, label, near} and bonds {from, to, kind} of a molecule, y downwards, in units of the picture. */
  molecule(i) {
    const first = this.atomStart[i];
    const atoms = [];
    for (let a = first; a < this.atomStart[i + 1]; a++) {
      const [symbol, hydrogens, charge, isotope, radicals] = this.labels[this.label[a]];
      atoms.push({ x: this.x[a] * STEP, y: -this.y[a] * STEP, symbol, hydrogens, charge, isotope, radicals, near: [] });
    }
    const bonds = [];
    for (let b = this.bondStart[i]; b < this.bondStart[i + 1]; b++) {
      const from = atoms[this.begin[b]], to = atoms[this.end[b]];
      from.near.push(to);
      to.near.push(from);
      bonds.push({ from, to, kind: this.kind[b] });
    }
    return { atoms, bonds };
  }

  /** The picture of a molecule, to fill a box of that size without being enlarged; a sentence where there is none. */
  svg(i, width, height) {
    const { atoms, bonds } = this.molecule(i);
    if (!atoms.length) return '<p class="no-structure">too large to be drawn</p>';
    const xs = atoms.map((atom) => atom.x), ys = atoms.map((atom) => atom.y);
    const margin = 16;
    const left = Math.min(...xs) - margin, top = Math.min(...ys) - margin;
    const w = Math.max(...xs) + margin - left, h = Math.max(...ys) + margin - top;
    const grow = Math.max(1, w / width, h / height);
    const [boxW, boxH] = [width * grow, height * grow];
    const box = [left - (boxW - w) / 2, top - (boxH - h) / 2, boxW, boxH].map((one) => one.toFixed(1)).join(" ");
    const lines = bonds.map(drawBond).join("");
    const texts = atoms.map(drawLabel).join("");
    return `<svg class="structure" viewBox="${box}" width="${width}" height="${height}" role="img" aria-label="structure">`
      + `<g fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">${lines}</g>`
      + `<g font-size="${FONT}" font-family="Arial, Helvetica, sans-serif">${texts}</g></svg>`;
  }
}

const round = (value) => value.toFixed(1);
const line = (a, b, more = "") => `<path d="M${round(a.x)} ${round(a.y)}L${round(b.x)} ${round(b.y)}"${more}/>`;
const along = (a, b, share) => ({ x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share });

/** How far from an atom towards (dx, dy), of length 1, its label reaches. */
function clearance(atom, dx, dy) {
  if (!atom.symbol) return 0;
  const halfWidth = 3 + 4 * atom.symbol.length, halfHeight = 7.5;
  return 1 / Math.hypot(dx / halfWidth, dy / halfHeight);
}

function drawBond({ from, to, kind }) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const dx = (to.x - from.x) / length, dy = (to.y - from.y) / length;
  const before = Math.min(clearance(from, dx, dy), 0.4 * length), after = Math.min(clearance(to, dx, dy), 0.4 * length);
  const a = { x: from.x + dx * before, y: from.y + dy * before };
  const b = { x: to.x - dx * after, y: to.y - dy * after };
  // Left of the bond as seen with y upwards: (dy, -dx) with y downwards.
  const beside = (point, by) => ({ x: point.x + dy * by, y: point.y - dx * by });
  const parallel = (by) => line(beside(a, by), beside(b, by));
  const inner = (by, more = "") => {
    const cut = (atom) => (atom.symbol || atom.near.length < 2 ? 0 : 0.13);
    return line(beside(along(a, b, cut(from)), by), beside(along(b, a, cut(to)), by), more);
  };
  switch (kind) {
    case 1: return parallel(GAP / 2) + parallel(-GAP / 2);
    case 2: return line(a, b) + inner(GAP);
    case 3: return line(a, b) + inner(-GAP);
    case 4: return line(a, b) + parallel(GAP * 0.85) + parallel(-GAP * 0.85);
    case 5: {
      const [p, q] = [beside(b, 2.7), beside(b, -2.7)];
      return `<path d="M${round(a.x)} ${round(a.y)}L${round(p.x)} ${round(p.y)}L${round(q.x)} ${round(q.y)}Z" fill="currentColor" stroke-width="0.5"/>`;
    }
    case 6: {
      const steps = 6;
      let drawn = "";
      for (let step = 1; step <= steps; step++) {
        const at = along(a, b, step / steps), half = (2.9 * step) / steps;
        drawn += line(beside(at, half), beside(at, -half), ' stroke-width="1.2"');
      }
      return drawn;
    }
    case 7: {
      const waves = 5;
      let path = `M${round(a.x)} ${round(a.y)}`;
      for (let wave = 1; wave <= waves; wave++) {
        const top = beside(along(a, b, (wave - 0.5) / waves), wave % 2 ? 4 : -4), end = along(a, b, wave / waves);
        path += `Q${round(top.x)} ${round(top.y)} ${round(end.x)} ${round(end.y)}`;
      }
      return `<path d="${path}" stroke-width="1.2"/>`;
    }
    case 8: return line(beside(a, GAP / 2), beside(b, -GAP / 2)) + line(beside(a, -GAP / 2), beside(b, GAP / 2));
    case 9: return line(a, b) + inner(GAP, ' stroke-dasharray="2 3"');
    case 10: return line(a, b) + inner(-GAP, ' stroke-dasharray="2 3"');
    case 11: return line(a, b, ' stroke-dasharray="3 3"');
    default: return line(a, b);
  }
}

/** Where there is room for the hydrogens of an atom: "right", "left", "above" or "below". */
function roomBeside(atom) {
  let x = 0, y = 0;
  for (const other of atom.near) {
    const length = Math.hypot(other.x - atom.x, other.y - atom.y) || 1;
    x += (other.x - atom.x) / length;
    y += (other.y - atom.y) / length;
  }
  if (!atom.near.length) return HYDROGENS_FIRST.has(atom.symbol) ? "left" : "right";
  if (atom.near.length === 1 || Math.abs(x) > 0.3) return x > 0.3 ? "left" : "right";
  return y > 0 ? "above" : "below";
}

function drawLabel(atom) {
  const { symbol, hydrogens, charge, isotope, radicals } = atom;
  if (!symbol) return "";
  const color = ELEMENT_COLORS[symbol] ? `var(--${ELEMENT_COLORS[symbol]})` : "currentColor";
  const base = atom.y + FONT * 0.36, half = FONT * (symbol.length > 1 ? 0.56 : 0.37);
  const text = (x, y, anchor, content) =>
    `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${color}">${content}</text>`;
  const small = (content, shift) => `<tspan font-size="${FONT * 0.7}" dy="${shift}">${content}</tspan>`;
  const size = Math.abs(charge);
  const sign = "•".repeat(radicals) + (charge ? (size > 1 ? size : "") + (charge > 0 ? "+" : "−") : "");
  const hydrogen = hydrogens ? "H" + (hydrogens > 1 ? small(hydrogens, 3) : "") : "";
  const raised = sign ? small(sign, hydrogens > 1 ? -8 : -5) : "";
  const alone = sign ? small(sign, -5) : "";
  let drawn = text(atom.x, base, "middle", symbol);
  if (isotope) drawn += text(atom.x - half, base - 5, "end", `<tspan font-size="${FONT * 0.7}">${isotope}</tspan>`);
  switch (hydrogens ? roomBeside(atom) : "none") {
    case "right": return drawn + text(atom.x + half, base, "start", hydrogen + raised);
    case "left":
      drawn += text(atom.x - half - (isotope ? 8 : 0), base, "end", hydrogen);
      break;
    // A charge stands between the line of the atom and that above it.
    case "above": drawn += text(atom.x - FONT * 0.37, base - FONT * (sign ? 1.2 : 0.92), "start", hydrogen); break;
    case "below": drawn += text(atom.x - FONT * 0.37, base + FONT * 0.92, "start", hydrogen); break;
  }
  return sign ? drawn + text(atom.x + half, base, "start", alone) : drawn;
}
