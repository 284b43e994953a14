"""The page of a map: all molecules once, nothing from elsewhere, and no text that breaks out of its place."""

import base64
import json
import math
import re
import shutil
import subprocess
import zlib
from importlib.resources import files

import numpy as np
import pytest

from molvae.chem.depiction import depict
from molvae.visualization.pages.map import map_page
from tests.conftest import SMILES
from tests.html_page import Page

NASTY = [
    "</script><script>alert(1)</script>",
    "\"double\" 'single' `back` ${x}",
    "Ünïcødé ☃ 日本語 \u2028",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %} <!-- & \\",
    "line\nbreak\x00",
    "\ud800",
]
N = len(SMILES)
PLANE = np.random.default_rng(0).standard_normal((N, 2))
COLUMNS = {
    NASTY[0]: [NASTY[row % len(NASTY)] for row in range(N)],
    "number": [math.nan if row % 3 == 0 else row / 7 for row in range(N)],
    "constant": [1.5] * N,
    "none": [math.nan] * N,
    "id": [4000.0 + row for row in range(N)],
    "flag": [float(row % 2) for row in range(N)],
    "class": ["" if row % 4 == 0 else f"c{row % 11}" for row in range(N)],
}


def page_of(smiles=SMILES, plane=PLANE, columns=COLUMNS, **changed):
    given = {"color_by": ["number"], "axes": ("a", "b"), "title": NASTY[0], "notes": NASTY[:5]} | changed
    return map_page(plane, smiles, range(2, 2 + len(smiles)), columns, **given)


def unpacked(page, name):
    text = re.search(rf'<script type="application/octet-stream" id="{name}">([^<]*)</script>', page)
    return zlib.decompress(base64.b64decode(text[1], validate=True))


def table_of(page):
    return json.loads(unpacked(page, "table"))


def test_every_molecule_is_there_once():
    table = table_of(page_of())
    assert table["smiles"] == list(SMILES) and table["rows"] == list(range(2, 2 + N))
    np.testing.assert_allclose(np.c_[table["x"], table["y"]], PLANE, rtol=1e-5)
    assert [column["name"] for column in table["columns"]] == [
        "number",
        *(name for name in COLUMNS if name != "number"),
    ]


def test_values_come_back_as_they_were():
    columns = {column["name"]: column for column in table_of(page_of())["columns"]}
    for name, given in COLUMNS.items():
        found = columns[name]["values"]
        if "texts" in columns[name]:
            found = ["" if place < 0 else columns[name]["texts"][place] for place in found]
            given = [str(int(value)) if isinstance(value, float) else value for value in given]
        else:
            given = [None if math.isnan(value) else value for value in given]
        assert found == given


def test_structures_are_those_of_the_molecules():
    data, drawn = unpacked(page_of(), "structures"), depict(SMILES)
    assert np.frombuffer(data[:12], "<u4").tolist() == [N, len(drawn.x), len(drawn.begin)]
    wide = np.frombuffer(data[12 : 12 + 6 * len(drawn.x)], "<i2").reshape(3, -1)
    assert (wide == [drawn.label, drawn.x, drawn.y]).all()
    narrow = np.concatenate([drawn.atoms, drawn.bonds, drawn.begin, drawn.end, drawn.kind])
    assert data[12 + 6 * len(drawn.x) :] == narrow.tobytes()


def test_no_text_breaks_out_of_its_place():
    plain = Page(page_of(title="t", notes=["n"] * 5, columns={"number": COLUMNS["number"]}))
    nasty = Page(page_of(smiles=NASTY * 5, plane=np.zeros((35, 2)), columns={"number": NASTY * 5}))
    assert nasty.tags == plain.tags and "onerror" not in nasty.attributes and nasty.titles == [NASTY[0]] * 2


def test_nothing_is_loaded_from_elsewhere():
    page = page_of(title="t", notes=[])
    assert not re.search(r"https?:|@import|\burl\(|fetch\(|XMLHttpRequest|WebSocket|import\(", page)
    assert not {"src", "srcset", "href", "action", "data", "poster", "style"} & set(Page(page).attributes)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy and "connect-src" not in policy


def test_no_asset_ends_its_element():
    for asset in files("molvae.visualization.pages").joinpath("assets").iterdir():
        text = asset.read_text(encoding="utf-8")
        assert asset.name.endswith(".html") or not re.search("(?i)</?(script|style)|<!--", text), asset.name
        assert len(text.splitlines()) <= 300


def test_workers_and_time_change_nothing():
    assert page_of() == page_of(workers=1)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_molecules(n):
    page = page_of(SMILES[:n], PLANE[:n], {name: values[:n] for name, values in COLUMNS.items()})
    assert table_of(page)["smiles"] == list(SMILES[:n])


def test_only_classes_are_offered_as_colours():
    names = [f"name {row}" for row in range(60)]
    columns = {"id": names, "class": ["a", "b"] * 30}
    usable = {
        chosen: {one["name"]: one["usable"] for one in table_of(page)["columns"]}
        for chosen in ("id", "class")
        for page in [page_of(["CC"] * 60, np.zeros((60, 2)), columns, color_by=[chosen])]
    }
    assert usable == {"id": {"id": True, "class": True}, "class": {"id": False, "class": True}}


CHECK = """
const table = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const fail = (what) => { console.log(what); process.exit(1); };
const same = (a, b, what) => JSON.stringify(a) === JSON.stringify(b) || fail(`${what}: ${JSON.stringify(a)}`);
const { smiles, rows, x, y } = table.data;
const n = smiles.length, all = smiles.map((_, i) => i);
same(findPoints("  ", table.data), [], "nothing asked");
same(findPoints("C(=O)", table.data), all.filter((i) => smiles[i].includes("C(=O)")), "part of a SMILES");
same(findPoints("alert(1)", table.data), all.filter((i) => table.texts[i].includes("alert(1)")), "text");
same(findPoints("#5", table.data), [rows.indexOf(5)], "row by sign");
same(findPoints("12", table.data)[0], rows.indexOf(12), "row first");
same(findPoints("4005", table.data), [5], "name that is a number");
same(findPoints("#4005", table.data), [], "no such row");
same(smiText([2, 0], table.data), `${smiles[2]}\\t${rows[2]}\\n${smiles[0]}\\t${rows[0]}\\n`, "smi");
const index = new PointIndex(Float64Array.from(x), Float64Array.from(y));
for (let k = 0; k < 200; k++) {
  const at = [Math.sin(k) * 3, Math.cos(3 * k) * 3], reach = (k % 20) / 5;
  const far = all.map((i) => Math.hypot(x[i] - at[0], y[i] - at[1]));
  const odd = (i) => i % 2 === 1, near = Math.min(...far.filter((_, i) => odd(i)));
  same(index.nearest(...at, reach, odd), near <= reach ? far.indexOf(near) : -1, "nearest");
}
for (const values of [[[], []], [[1], [2]], [[1, 1], [2, 2]], [[0, 1e9], [0, 1e-9]]]) {
  const few = new PointIndex(...values.map((one) => Float64Array.from(one)));
  same(few.nearest(values[0][0] ?? 0, values[1][0] ?? 0, 1) >= 0, values[0].length > 0, "few points");
}
const square = [{ x: 0, y: 0 }, { x: 2, y: 0 }, { x: 2, y: 2 }, { x: 1, y: 1 }, { x: 0, y: 2 }];
same([isInside(0.2, 1, square), isInside(1, 1.5, square), isInside(1, 0.5, square)], [true, false, true], "inside");
const bytes = Uint8Array.from(Buffer.from(table.structures, "base64"));
const structures = new Structures(bytes.buffer, table.data.labels);
for (const i of all) {
  const svg = structures.svg(i, 200, 150);
  if (/NaN|undefined|Infinity/.test(svg) || !svg.startsWith("<svg")) fail(`structure ${smiles[i]}: ${svg}`);
}
same(structures.svg(all.length - 1, 10, 10).includes("<svg"), true, "small");
same([mixed(0xff0000ff, 0xffff0000, 256), mixed(0xff0000ff, 0xffff0000, 0)], [0xffff0000, 0xff0000ff], "mixed");
same([pixelColor("#010203"), pixelColor("#ffffff")], [0xff030201, 0xffffffff], "pixel");
for (const radius of [0.5, 1.6, 5, 21]) {
  const mask = dotMask(radius, 1000);
  const area = mask.inner.length + mask.alpha.reduce((sum, one) => sum + one / 256, 0);
  if (Math.abs(area / (Math.PI * radius ** 2) - 1) > 0.3 && radius > 1) fail(`dot ${radius}: ${area}`);
  if (Math.max(...mask.inner, ...mask.edge) >= 40 * 1000) fail("a dot is wider than the margin");
}
globalThis.cssColor = () => "#808080";
for (const column of [null, ...table.data.columns]) {
  const { classes, palette, order } = colorClasses(table.data, column, "light");
  same([...order].sort((a, b) => a - b), all, "order");
  if (Math.max(...classes) >= palette.length) fail("a class without a colour");
  if (column) all.forEach((i) => {
    const missing = column.texts ? column.values[i] < 0 : column.values[i] === null;
    if (missing !== (classes[i] === palette.length - 1)) fail(`missing in ${column.name}`);
  });
}
console.log("good");
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_scripts_find_select_and_draw(tmp_path):
    page = page_of()
    assets = files("molvae.visualization.pages").joinpath("assets")
    names = ("base.js", "structures.js", "points.js", "scatter.js", "gestures.js", "legend.js")
    script = "\n".join(assets.joinpath(name).read_text(encoding="utf-8") for name in names)
    (tmp_path / "check.js").write_text(
        script.replace("function cssColor", "function notUsed") + CHECK, encoding="utf-8"
    )
    structures = base64.b64encode(unpacked(page, "structures")).decode()
    given = json.dumps({"data": table_of(page), "texts": COLUMNS[NASTY[0]], "structures": structures})
    done = subprocess.run(["node", tmp_path / "check.js"], input=given, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "good\n"), done.stdout + done.stderr
