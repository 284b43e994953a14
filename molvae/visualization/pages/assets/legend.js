// The meaning of colors: classes of points, their colors, a legend or a color bar.

/** The class of every point by a column, the color of every class, and the order in which points overlap. */
function colorClasses(table, column, theme) {
  const missing = cssColor("--missing"), n = table.smiles.length;
  const classes = new Uint8Array(n);
  if (!column) return { classes, palette: [table.categories[0]], order: shuffled(n, classes, -1) };
  if (column.texts) {
    const own = Math.min(column.texts.length, table.categories.length);
    column.values.forEach((value, i) => { classes[i] = value < 0 ? own + 1 : Math.min(value, own); });
    return { classes, palette: [...table.categories.slice(0, own), cssColor("--other"), missing], order: shuffled(n, classes, own + 1) };
  }
  const stops = table[theme], wide = column.high - column.low || 1;
  column.values.forEach((value, i) => {
    const share = value === null ? 0 : Math.min(1, Math.max(0, (value - column.low) / wide));
    classes[i] = value === null ? stops.length : Math.round(share * (stops.length - 1));
  });
  return { classes, palette: [...stops, missing], order: shuffled(n, classes, stops.length) };
}

/** All points in an order that means nothing, but those of one class first, below the others. */
function shuffled(n, classes, lowest) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return Uint32Array.from([...order.filter((i) => classes[i] === lowest), ...order.filter((i) => classes[i] !== lowest)]);
}

/** Fill the legend; a button of a class calls `toggle(class)`. */
function drawLegend(place, table, column, { classes, palette }, hidden, toggle) {
  place.replaceChildren();
  if (!column) return;
  const counts = new Uint32Array(palette.length);
  for (const one of classes) counts[one]++;
  const entry = (color, name, one) => {
    const dot = element("span", { className: "swatch" });
    dot.style.background = color;
    const button = element("button", { type: "button", className: "entry", title: "Show or hide" }, dot, name,
      element("span", { className: "count" }, counts[one].toLocaleString("en-US")));
    button.setAttribute("aria-pressed", String(!hidden.has(one)));
    button.addEventListener("click", () => toggle(one));
    place.append(button);
  };
  place.append(element("strong", {}, column.name));
  if (column.texts) {
    const own = palette.length - 2;
    for (let one = 0; one < own; one++) entry(palette[one], column.texts[one], one);
    if (counts[own]) entry(palette[own], `${column.texts.length - own} others`, own);
  } else if (counts[palette.length - 1] < classes.length) {
    const bar = element("span", { className: "bar" });
    bar.style.background = `linear-gradient(to right, ${palette.slice(0, -1).join(", ")})`;
    const [low, high] = extent(column.values.filter((value) => value !== null));
    const ends = [(low < column.low ? "≤ " : "") + shortNumber(column.low), (high > column.high ? "≥ " : "") + shortNumber(column.high)];
    place.append(element("span", { className: "scale" }, ends[0], bar, ends[1]));
  }
  const last = palette.length - 1;
  if (counts[last]) entry(palette[last], "no value", last);
}
