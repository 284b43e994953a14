// The page of a map: reads its data and connects dots, colors, search, selection and cards.

const DRAWN_AT_ONCE = 24; // structures of a selection
const CARD_LINES = 12; // values of a molecule that a card shows
const byId = (id) => document.getElementById(id);

class MapPage {
  constructor(table, structures) {
    Object.assign(this, { table, structures, pins: [], selection: [], hits: [], hit: -1 });
    this.color = table.columns.find((column) => column.usable) ?? null;
    this.scatter = new Scatter(byId("stage"), Float64Array.from(table.x), Float64Array.from(table.y), {
      hover: (i, at) => this.showTip(i, at),
      pick: (i, at) => this.pick(i, at),
      select: (points, more) => this.select(more ? [...new Set([...this.selection, ...points])] : points),
    });
    [byId("axis-x").textContent, byId("axis-y").textContent] = table.axes;
    this.fillColors();
    this.wireTools();
    this.wireSearch();
    this.wireSelection();
    followTheme(() => this.recolor());
  }

  // Colours

  fillColors() {
    const usable = this.table.columns.filter((column) => column.usable);
    const choice = byId("color");
    choice.append(...usable.map((column) => element("option", {}, column.name)), element("option", {}, "none"));
    choice.addEventListener("change", () => {
      this.color = usable[choice.selectedIndex] ?? null;
      this.scatter.hidden.clear();
      this.recolor();
    });
  }

  recolor() {
    const theme = document.documentElement.dataset.theme;
    const colors = colorClasses(this.table, this.color, theme);
    this.scatter.setColors(colors.classes, colors.palette, colors.order);
    const { hidden } = this.scatter;
    drawLegend(byId("legend"), this.table, this.color, colors, hidden, (one) => {
      hidden.has(one) ? hidden.delete(one) : hidden.add(one);
      this.recolor();
    });
  }

  // Tools and keys

  wireTools() {
    const tools = [...document.querySelectorAll("[data-tool]")].filter((one) => one.tagName === "BUTTON");
    for (const button of tools) {
      button.addEventListener("click", () => {
        this.scatter.tool = byId("stage").dataset.tool = button.dataset.tool;
        for (const one of tools) one.setAttribute("aria-pressed", String(one === button));
      });
    }
    byId("closer").addEventListener("click", () => this.scatter.zoom(1.6));
    byId("farther").addEventListener("click", () => this.scatter.zoom(1 / 1.6));
    byId("whole").addEventListener("click", () => this.scatter.home());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        byId("query").value = "";
        this.search();
        this.select([]);
      }
      if (event.key === "/" && event.target.tagName !== "INPUT") {
        event.preventDefault();
        byId("query").focus();
      }
    });
  }

  // Search

  wireSearch() {
    const query = byId("query");
    query.addEventListener("input", () => this.search());
    query.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !this.hits.length) return;
      this.hit = (this.hit + (event.shiftKey ? this.hits.length - 1 : 1)) % this.hits.length;
      const i = this.hits[this.hit];
      this.scatter.show(i);
      this.showTip(i, this.scatter.toScreen(i));
      this.tellHits();
    });
    byId("select-hits").addEventListener("click", () => {
      const { hits } = this;
      query.value = "";
      this.search();
      this.select(hits);
    });
  }

  search() {
    this.hits = findPoints(byId("query").value, this.table);
    this.hit = -1;
    this.tellHits();
    this.showTip(-1);
    this.emphasize();
  }

  tellHits() {
    const number = this.hits.length, asked = byId("query").value.trim();
    const found = this.hit < 0 ? `${number.toLocaleString("en-US")} found` : `${this.hit + 1} of ${number}`;
    byId("hits").textContent = asked ? found : "";
    byId("select-hits").hidden = !number;
  }

  /** What is found, else what is selected, stands out. */
  emphasize() {
    const strong = byId("query").value.trim() ? this.hits : this.selection;
    this.scatter.strong = strong.length ? new Set(strong) : null;
    this.scatter.redraw();
  }

  // Selection

  wireSelection() {
    byId("save").addEventListener("click", () => saveText("selection.smi", smiText(this.selection, this.table)));
    byId("copy").addEventListener("click", async () => {
      const done = await copyText(this.selection.map((i) => `${this.table.smiles[i]}\n`).join(""));
      byId("selected").textContent = done ? `${this.selection.length.toLocaleString("en-US")} copied` : "the browser does not allow copying";
    });
    byId("draw").addEventListener("click", () => {
      this.pins = [...new Set([...this.pins, ...this.selection.slice(0, DRAWN_AT_ONCE)])];
      this.drawCards();
    });
    byId("clear").addEventListener("click", () => this.select([]));
  }

  select(points) {
    this.selection = points.sort((a, b) => a - b);
    byId("selection").hidden = !points.length;
    byId("selected").textContent = `${points.length.toLocaleString("en-US")} selected`;
    byId("draw").textContent = points.length > DRAWN_AT_ONCE ? `Draw ${DRAWN_AT_ONCE}` : "Draw";
    this.emphasize();
  }

  // Molecules

  values(i, most) {
    const list = element("dl", { className: "values" });
    const ordered = this.color ? [this.color, ...this.table.columns.filter((one) => one !== this.color)] : this.table.columns;
    for (const { name, texts, values } of ordered.slice(0, most)) {
      const missing = texts ? values[i] < 0 : values[i] === null;
      list.append(element("dt", {}, name), element("dd", {}, missing ? "–" : texts ? texts[values[i]] : shortNumber(values[i])));
    }
    return list;
  }

  picture(i, width, height) {
    const box = element("div");
    box.innerHTML = this.structures.svg(i, width, height); // numbers and element symbols only
    return box;
  }

  showTip(i, at) {
    const tip = byId("tip"), stage = byId("stage");
    stage.classList.toggle("pointing", i >= 0);
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren(this.picture(i, 216, 150), element("div", { className: "smiles" }, this.table.smiles[i]), this.values(i, 2));
    const beside = at.x + 18 + tip.offsetWidth > stage.clientWidth ? at.x - 18 - tip.offsetWidth : at.x + 18;
    tip.style.left = `${Math.min(Math.max(4, beside), Math.max(4, stage.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(at.y - tip.offsetHeight / 2, stage.clientHeight - tip.offsetHeight - 4))}px`;
  }

  pick(i, at) {
    this.showTip(i, at);
    if (i < 0) return;
    this.pins = this.pins.includes(i) ? this.pins.filter((one) => one !== i) : [...this.pins, i];
    this.drawCards();
  }

  drawCards() {
    byId("hint").hidden = this.pins.length > 0;
    byId("cards").replaceChildren(...this.pins.map((i, place) => this.card(i, place)));
    this.scatter.pinned = this.pins;
    this.scatter.remark();
  }

  card(i, place) {
    const close = element("button", { type: "button", className: "close", title: "Close" }, "×");
    close.setAttribute("aria-label", `Close ${place + 1}`);
    close.addEventListener("click", () => this.pick(i, this.scatter.toScreen(i)));
    close.addEventListener("click", () => this.showTip(-1));
    const find = element("button", { type: "button", className: "close", title: "Show on the map" }, "◎");
    find.addEventListener("click", () => this.scatter.show(i));
    const head = element("div", { className: "card-head" },
      element("span", { className: "badge" }, place + 1), `row ${this.table.rows[i]}`, find, close);
    return element("article", { className: "card" },
      head, this.picture(i, 210, 150), element("div", { className: "smiles" }, this.table.smiles[i]), this.values(i, CARD_LINES));
  }
}

async function start() {
  try {
    const [table, structures] = await Promise.all(["table", "structures"].map(unpack));
    const data = JSON.parse(new TextDecoder().decode(table));
    globalThis.page = new MapPage(data, new Structures(structures, data.labels));
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    const old = typeof DecompressionStream === "undefined";
    const message = old ? "This page needs a newer browser: one of 2023 or later." : `This page is damaged: ${error.message}`;
    document.querySelector("main").replaceChildren(element("p", { className: "notice" }, message));
  }
}
start();
