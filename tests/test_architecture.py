"""The house: imports go down, no cycle, small rooms, light where it must be, public names as declared."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import molvae

PACKAGE = Path(molvae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LEVELS = [
    {"_version", "errors"},
    {"config", "storage", "runtime"},
    {"chem"},
    {"visualization", "corpus"},
    {"model"},
    {"pretrained", "metrics"},
    {"generator"},
    {"sklearn", "training"},
    {"optimization"},
    {"benchmarks"},
    {"cli"},
    {"__main__", "__init__"},
]
"""Rooms from the ground up; a room imports from rooms below it and from itself only."""
WITHOUT_TORCH = (
    *("errors", "config", "corpus/tokenizer", "chem/molecule_set", "chem", "corpus/reading", "corpus/cleaning"),
    *("corpus/cache", "corpus/writing", "corpus/latents", "corpus/labels", "corpus/datasets"),
    *("metrics/regression", "generator/sampling/screening", "generator/exploration/projection"),
    *("storage/latest_run", "runtime/distributed", "runtime/interruption"),
    *("visualization/plots/scatter", "visualization/plots/coloring", "visualization/pages/map"),
    *("optimization/surrogate", "optimization/objectives"),
    *("pretrained", "pretrained/hub", "pretrained/card"),
    *("cli/models", "cli/info", "cli/download"),
)


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def imports(path: Path) -> set[str]:
    """Modules of molvae that a file imports at its top level, those for type checking alone left out."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module}
            for alias in node.names:
                if (PACKAGE.parent / node.module.replace(".", "/") / f"{alias.name}.py").exists():
                    found |= {f"{node.module}.{alias.name}"}
    return found


def test_every_room_has_its_level():
    assert set().union(*LEVELS) == {room(module_name(path)) for path in FILES}


def test_imports_go_down():
    level = {name: index for index, names in enumerate(LEVELS) for name in names}
    for path in FILES:
        own = room(module_name(path))
        for other in {room(name) for name in imports(path) if name.startswith("molvae.")} - {own}:
            assert level[other] < level[own], f"{module_name(path)} imports {other}"


def test_no_cycle():
    graph = {module_name(path): {name for name in imports(path) if name.startswith("molvae")} for path in FILES}
    names = set(graph)
    TopologicalSorter({name: needs & names - {name} for name, needs in graph.items()}).prepare()


def test_rooms_are_small_and_folders_say_what_is_in_them():
    for path in FILES:
        text = path.read_text()
        tree, name = ast.parse(text), module_name(path)
        assert len(text.splitlines()) <= 500, name
        assert path.name != "__init__.py" or len(ast.get_docstring(tree) or "") >= 30, name
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                skip = (node.body[0].end_lineno or 0) - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
                parameters = node.body[0].lineno - node.lineno
                assert (node.end_lineno or 0) - node.lineno - parameters - skip <= 60, f"{name}.{node.name}"


def test_light_rooms_import_no_torch_and_the_command_line_nothing_heavy():
    """In one process: what all of them together do not import, none of them does."""
    light = [f"molvae.{place.replace('/', '.')}" for place in WITHOUT_TORCH]
    script = f"""
import importlib, sys
import molvae.cli
assert not {{"torch", "pandas", "rdkit", "scipy"}} & set(sys.modules)
for name in {light}:
    importlib.import_module(name)
    assert "torch" not in sys.modules, name
"""
    done = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_public_names_are_there_once():
    for info in [*pkgutil.walk_packages(molvae.__path__, "molvae."), None]:
        module = importlib.import_module(info.name if info else "molvae")
        names = list(getattr(module, "__all__", []))
        assert len(set(names)) == len(names), module.__name__
        assert all(hasattr(module, name) for name in names), module.__name__
    assert set(dir(molvae)) == set(molvae.__all__)


def test_the_top_of_the_package_fits_into_a_glance():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in PACKAGE.glob("*.py")}
    assert len(folders) <= 13 and len(modules) <= 6


def test_top_level_holds_what_the_design_names():
    allowed = {"pyproject.toml", "README.md", "LICENSE", "molvae", "data", "tests", "notebooks"}
    listed = subprocess.run(["git", "ls-files"], cwd=PACKAGE.parent, capture_output=True, text=True)
    tops = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {top for top in tops if not top.startswith(".")} <= allowed
