"""How words and JSON become a task's arguments."""

import pytest

from lineshaft import ArgumentError
from lineshaft.cli.arguments import from_data, from_words, string_hint, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("hello", "hello"),
        ('"5"', "5"),
        ("", ""),
        ("a=b", "a=b"),
        ("[1, 2]", [1, 2]),
        ('{"a": {"b": []}}', {"a": {"b": []}}),
        ("[1, 2", "[1, 2"),
        ("NaN", "NaN"),
        ("01", "01"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("\udcff", "\udcff"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_a_value_is_json_where_it_parses_else_a_string(text: str, value: object) -> None:
    assert value_of(text) == value
    assert from_words([f"name={text}"]) == ([], {"name": value})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1"], "'1' is not an argument: write name=value"),
        (["=1"], "'=1' is not an argument: write name=value"),
        (["a=1", "a=2"], "argument 'a' is given twice"),
    ],
)
def test_words_that_are_none_are_refused(words: list[str], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        from_words(words)


def test_data_may_have_both_kinds_or_neither() -> None:
    assert from_data('{"args": [1], "kwargs": {"a": 2}}') == ([1], {"a": 2})
    assert from_data("{}") == ([], {})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "--data is not JSON"),
        ('{"args": [1', "--data is not JSON"),
        ("[1]", "--data is not of the form"),
        ('{"args": {}}', "--data is not of the form"),
        ('{"kwargs": [1]}', "--data is not of the form"),
        ('{"arg": []}', "unknown field `arg`"),
    ],
)
def test_data_of_another_form_is_refused_with_an_example(data: str, said: str) -> None:
    with pytest.raises(ArgumentError, match=said) as caught:
        from_data(data)
    assert '{"args": [1, 2], "kwargs": {"name": "value"}}' in str(caught.value)


def test_only_what_was_read_as_json_gets_the_hint() -> None:
    assert string_hint(["a=1", "b=2"], "b") == "; 2 is read as JSON: for a string write 'b=\"2\"'"
    assert string_hint(["a=text"], "a") == ""
    assert string_hint(["a=1"], None) == ""
