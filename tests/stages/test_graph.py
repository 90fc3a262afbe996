"""dvc.yaml says of every stage exactly what it reads."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
STAGES = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"]
PARAMS = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")

# What a stage runs as a process of its own, and so does not import.
STARTED = {"cxr/sources/kaggle.py": {"cxr/sources/kaggle_client.py"}}


def imported(path: str) -> set[str]:
    """The project's files that a file imports, at its top or within a function."""
    found = set(STARTED.get(path, ()))
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        files = (f"{name.replace('.', '/')}.py" for name in names)
        found |= {file for file in files if (ROOT / file).is_file()}
    return found


def closure(path: str) -> set[str]:
    seen: set[str] = set()
    todo = [path]
    while todo:
        if (file := todo.pop()) not in seen:
            seen.add(file)
            todo += imported(file)
    return seen


def declared_code(name: str) -> list[str]:
    """The files and folders of code that a stage declares."""
    return [dep for dep in STAGES[name]["deps"] if dep.startswith(("cxr/", "stages/"))]


def holds(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_code_it_imports_and_on_no_other(name: str) -> None:
    imports, declared = closure(f"stages/{name}.py"), declared_code(name)
    assert not [file for file in imports if not any(holds(dep, file) for dep in declared)]
    assert not [dep for dep in declared if not any(holds(dep, file) for file in imports)]


def test_training_reaches_no_room_that_may_change_without_it() -> None:
    imports = closure("stages/train.py")
    assert not [
        file for file in imports for room in ("sources", "inference", "statistics") if holds(f"cxr/{room}", file)
    ]


def test_rooms_of_the_library_import_one_way() -> None:
    """Within cxr/: inference knows networks, networks and sources know data; statistics knows none of them."""
    allowed = {
        "sources": {"data"},
        "data": set(),
        "networks": {"data"},
        "inference": {"networks", "data", "statistics"},
        "statistics": set(),
    }
    for room, known in allowed.items():
        for path in (ROOT / "cxr" / room).rglob("*.py"):
            reached = {
                file.split("/")[1] for file in imported(path.relative_to(ROOT).as_posix()) if file.count("/") > 1
            }
            assert reached <= known | {room}, f"{path} imports {reached - known - {room}}"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_described_and_its_params_exist(name: str) -> None:
    assert STAGES[name]["desc"]
    for declared in STAGES[name].get("params", []):
        section, _, key = declared.partition(".")
        assert key in PARAMS[section] if key else section in PARAMS


@pytest.mark.parametrize("name", STAGES)
def test_no_section_with_a_key_that_the_run_cache_leaves_out(name: str) -> None:
    """DVC 3 strips every key named `size` or `nfiles` before it hashes a stage for its run cache."""
    sections = [declared for declared in STAGES[name].get("params", []) if "." not in declared]
    for section in sections:
        assert not {"size", "nfiles"} & set(PARAMS[section])


def test_training_cannot_see_the_test_part() -> None:
    assert not [dep for dep in STAGES["train"]["deps"] if "test" in dep]


def test_no_module_needs_itself() -> None:
    """Not by way of others either, nor for a type."""
    modules = [
        path.relative_to(ROOT).as_posix() for top in ("cxr", "stages", "study") for path in (ROOT / top).rglob("*.py")
    ]
    TopologicalSorter({module: imported(module) for module in modules}).prepare()


def test_no_room_needs_itself() -> None:
    """A folder of cxr/ or of study/ is one room; a module beside the rooms stands for itself."""
    tops = ("cxr", "study")
    files = [path.relative_to(ROOT).as_posix() for top in tops for path in (ROOT / top).rglob("*.py")]
    needs: dict[str, set[str]] = {}
    for file in files:
        needed = {"/".join(other.split("/")[:2]) for other in imported(file) if other.startswith(tops)}
        room = "/".join(file.split("/")[:2])
        needs[room] = needs.get(room, set()) | needed - {room}
    assert {"cxr/networks", "study/run", "study/report"} <= set(needs)
    TopologicalSorter(needs).prepare()


def test_imports_run_one_way() -> None:
    layers = ["cxr", "stages", "study"]
    for path in (file for layer in layers for file in (ROOT / layer).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        above = layers[layers.index(name.split("/")[0]) + 1 :]
        for other in imported(name):
            assert other.split("/")[0] not in above, f"{name} imports {other}"
            if name.startswith("stages/") and other.startswith("stages/"):
                assert other == "stages/project.py"
