"""The documents are fresh, name every setting, lead nowhere wrong, and say nothing of one machine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs import generate, headers, settings_page
from lineshaft.model.lifecycle import INVARIANTS, Status
from lineshaft.protocol import loader
from lineshaft.settings import Settings

from .source import PACKAGE, ROOT, files, name_of

ENDS = ("", ".cfg", ".html", ".js", ".json", ".lua", ".md", ".py", ".sh", ".toml", ".ts", ".txt", ".yaml", ".yml")

# Written so that this file does not name them itself.
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.*>])/(?:work|root)\b(?!-)|(?<![\w.*>])/Users/\w|(?<![\w.*>])/home/(?!user\b|you\b)\w|\.\./shar" + r"ed\b"
)

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    return files(ROOT, ".md")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def test_what_is_made_from_code_is_fresh():
    ran = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_stale_page_is_named_and_made_anew(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for each in generate.PAGES:
        (tmp_path / each).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "docs" / each, tmp_path / each)
    changed = tmp_path / name
    changed.write_text(changed.read_text() + "one line more\n")

    assert generate.main(["--check"], tmp_path) == 1
    assert f"docs/{name} is stale" in capsys.readouterr().err
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0


def test_a_page_that_is_missing_is_stale(tmp_path: Path):
    assert generate.main(["--check"], tmp_path) == 1


def test_every_setting_is_described():
    text = page("reference/settings.md")

    assert settings_page.described().keys() == set(Settings.__struct_fields__)
    assert [name for name in Settings.__struct_fields__ if f"| `{name}` |" not in text] == []


def test_every_variable_of_the_environment_is_described():
    reads = re.compile(r"""environ(?:\.get\(|\[)["'](\w+)["']|envvar=["'](\w+)["']""")
    read = {first or second for path in files(PACKAGE, ".py") for first, second in reads.findall(path.read_text())}

    assert read - {"REDIS_URL"} == set(settings_page.OTHER_VARIABLES)


def test_every_script_key_word_and_invariant_is_described():
    scripts, keys, lifecycle = (
        page(f"{name}.md") for name in ("reference/scripts", "internals/key-schema", "internals/lifecycle")
    )

    assert [name for name in loader.NAMES if f"\n## {name}\n" not in scripts] == []
    assert [key for key, *_ in headers.key_rows() if f"| `{key}` |" not in keys] == []
    assert [status for status in Status if f"| `{status}` |" not in lifecycle] == []
    assert [text for text in INVARIANTS.values() if text not in lifecycle] == []


def dead_links(path: Path) -> Iterator[str]:
    """The links of a document that lead to no file, or to no heading of one."""
    for one, other in LINK.findall(FENCE.sub("", path.read_text())):
        link = unquote(one or other)
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{link}: there is no such heading"


def anchors(text: str) -> set[str]:
    """The headings of a document as links name them, the way GitHub does."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCE.sub("", text)))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_link_between_documents_leads_somewhere(path: Path):
    assert list(dead_links(path)) == []


def test_every_decision_is_listed_and_has_its_parts():
    decisions = [path for path in files(ROOT / "docs" / "adr", ".md") if re.match(r"\d{4}-", path.name)]
    numbers = [int(path.name[:4]) for path in decisions]
    index = page("adr/README.md")

    assert numbers == list(range(1, len(numbers) + 1))
    assert [path.name for path in decisions if f"({path.name})" not in index] == []
    for path in decisions:
        assert [
            f"## {part}" for part in ("Context", "Decision", "Consequences") if f"\n## {part}\n" not in path.read_text()
        ] == [], path


def test_nothing_names_a_place_on_one_machine():
    paths = files(ROOT, *ENDS)
    found = {name_of(path): OF_ONE_MACHINE.findall(path.read_text(errors="replace")) for path in paths}

    assert len(paths) > 100
    assert {name: places for name, places in found.items() if places} == {}


def test_dead_links_are_found(tmp_path: Path):
    (tmp_path / "there.md").write_text("# A heading, of two `words`\n\n```\n# no heading\n```\n")
    document = tmp_path / "page.md"
    document.write_text(
        "[a](there.md) [b](there.md#a-heading-of-two-words) [c](https://example.org/x)\n"
        "[d](gone.md) [e](there.md#no-heading) [f](#nowhere)\n\n```\n[g](also-gone.md)\n```\n"
    )

    assert [link.split(":")[0] for link in dead_links(document)] == ["gone.md", "there.md#no-heading", "#nowhere"]


@pytest.mark.parametrize(
    "text", ["see /wo" + "rk/x", "cd /wo" + "rk", "in /ro" + "ot/y", "(/ho" + "me/me/z)", "../shar" + "ed/a.md"]
)
def test_a_place_on_one_machine_is_found(text: str):
    assert OF_ONE_MACHINE.search(text)


@pytest.mark.parametrize(
    "text", ["src/work/x", "POST /tasks", "https://example.org/home/x", "/tmp/x", "a worker/home", "GET /workers"]
)
def test_what_is_no_such_place_is_not(text: str):
    assert OF_ONE_MACHINE.search(text) is None
