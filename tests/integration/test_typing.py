"""The public types, as mypy and pyright see them: right calls are accepted, and exactly the wrong ones are refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "typing_sample.py"
ROOT = Path(__file__).parents[2]


def marked() -> list[int]:
    lines = SAMPLE.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# refused")]


def run(*command: str, folder: Path) -> str:
    ended = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode in {0, 1}, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.timeout(120)
def test_mypy_refuses_what_is_wrong_and_nothing_else():
    cache = ROOT / ".mypy_cache"
    output = run("mypy", "--strict", "--output=json", f"--cache-dir={cache}", str(SAMPLE), folder=ROOT)
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    errors = {error["line"] for error in found if error["severity"] == "error" and Path(error["file"]).name == SAMPLE.name}
    assert sorted(errors) == marked(), output
    assert {Path(error["file"]).name for error in found} == {SAMPLE.name}


@pytest.mark.timeout(120)
def test_pyright_refuses_what_is_wrong_and_nothing_else(tmp_path: Path):
    (tmp_path / SAMPLE.name).write_text(SAMPLE.read_text())
    configuration = {"include": [SAMPLE.name], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(configuration))
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", ".", folder=tmp_path)
    report = json.loads(output)
    assert report["summary"]["filesAnalyzed"] == 1
    found = [item for item in report["generalDiagnostics"] if item["severity"] == "error"]
    said = {item["range"]["start"]["line"] + 1: item["message"] for item in found}
    assert sorted(said) == marked(), said
