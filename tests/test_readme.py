"""What the README shows is true."""

import os
import re
import shutil
import stat
from pathlib import Path

import pytest

import ntc

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    shutil.copytree(ROOT / "assets" / "leaf_atlas", tmp_path / "assets" / "leaf_atlas")
    monkeypatch.chdir(tmp_path)
    # The same calls with little effort: the example is about names, not about quality.
    settings = ntc.Settings
    monkeypatch.setattr(
        ntc, "Settings", lambda **given: settings(**given, texels=1 << 17), raising=False
    )
    values: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), values)
    first, second = capsys.readouterr().out.splitlines()
    assert "(256, 256, 4) (8, 16, 3)" in first
    assert float(second.split()[0]) > 15


def test_the_two_commands_exist() -> None:
    for name in re.findall(r"^    (tools/\w+)", TEXT, re.MULTILINE):
        assert os.stat(ROOT / name).st_mode & stat.S_IXUSR


def test_links_and_paths_exist() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    table = TEXT.partition("## Map of the code")[2].partition("## Licence")[0]
    targets += re.findall(r"^    (\S+)", table, re.MULTILINE)
    assert len(targets) > 15
    for target in targets:
        assert (ROOT / target).exists(), target


def test_results_can_be_filled_in() -> None:
    assert TEXT.index("<!-- results -->") < TEXT.index("<!-- /results -->")
    assert (ROOT / "docs" / "images" / "painted_metal.png").stat().st_size < 600_000


def test_commands_in_the_readme_are_understood() -> None:
    import typer

    from ntc.cli import app

    known = typer.main.get_command(app).commands
    shown = re.findall(r"^    ntc (\w+) (.*?)(?:#.*)?$", TEXT, re.MULTILINE)
    assert len(shown) >= 5
    for command, rest in shown:
        options = {name for parameter in known[command].params for name in parameter.opts}
        assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", " " + rest)) <= options
