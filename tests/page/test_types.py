"""What the page takes an answer to be (ui/src/types.ts) is what the API's OpenAPI document says."""

import re
from pathlib import Path

import pytest

from lineshaft import App
from lineshaft.api import create_api
from lineshaft.model.lifecycle import ENDED, Status

TYPES = (Path(__file__).resolve().parents[2] / "ui" / "src" / "types.ts").read_text()
INTERFACES = {
    name: re.findall(r"^  (\w+): (.+);$", body, re.MULTILINE)
    for name, body in re.findall(r"^export interface (\w+) {\n(.*?)^}", TYPES, re.MULTILINE | re.DOTALL)
}
SCHEMAS = create_api(App("types"))._rest.openapi()["components"]["schemas"]


@pytest.mark.parametrize("name", INTERFACES)
def test_a_type_has_the_fields_of_its_schema(name: str):
    assert [field for field, _ in INTERFACES[name]] == list(SCHEMAS[name]["properties"])


@pytest.mark.parametrize("name", INTERFACES)
def test_what_may_be_null_may_be_null_in_both(name: str):
    nullable = {field for field, schema in SCHEMAS[name]["properties"].items() if {"type": "null"} in schema.get("anyOf", ())}

    assert {field for field, kind in INTERFACES[name] if "null" in kind} == nullable


def test_the_status_words_are_those_of_the_lifecycle():
    (listed,) = re.findall(r"^export const STATUSES = \[(.+)\] as const;$", TYPES, re.MULTILINE)
    (ended,) = re.findall(r"^export const ENDED.+ = new Set\(\[(.+)\]\);$", TYPES, re.MULTILINE)

    assert set(re.findall(r'"([\w-]+)"', listed)) == set(Status)
    assert set(re.findall(r'"([\w-]+)"', ended)) == ENDED
