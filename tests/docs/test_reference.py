"""The reference that is made from code leaves nothing out."""

import re

from typer.main import get_command

import lineshaft
from docs import command_line_page, python_page, rest_page
from lineshaft.cli.program import program


def headings(text: str, level: int) -> set[str]:
    return set(re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE))


def test_every_exported_name_has_a_heading():
    text = python_page.page()

    assert set(lineshaft.__all__) - python_page.ELSEWHERE <= headings(text, 2) | headings(text, 3)


def test_methods_have_their_parameters_and_errors():
    text = python_page.page()

    assert "    await result(timeout=None)\n" in text
    assert "- `ArgumentError`: the arguments do not fit the function" in text


def test_every_command_has_a_heading_and_its_options():
    text = command_line_page.page()
    commands = get_command(program).commands
    inner = {f"lineshaft {name} {each}" for name, command in commands.items() for each in getattr(command, "commands", {})}

    assert {"lineshaft", *(f"lineshaft {name}" for name in commands), *inner} == headings(text, 2)
    assert "| `--port`, `-p` `N` | Where the API listens. From `PORT` where that is set. By default `3000`. |" in text


def test_every_operation_has_a_heading_and_its_refusals():
    text = rest_page.page()

    assert {"POST /tasks", "GET /tasks/{task_id}/status", "DELETE /tasks/{task_id}"} <= headings(text, 2)
    assert "| 404 | There is no such task (`task-not-found`) | a problem |" in text


def test_every_link_to_a_shape_leads_to_one():
    text = rest_page.page()
    shapes = {name.lower() for name in headings(text, 3)}

    assert set(re.findall(r"\]\(#(\w+)\)", text)) <= shapes
