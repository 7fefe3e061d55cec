from __future__ import annotations

import pytest

from kb.errors import UsageError
from kb.findings.fields import check_brief, check_effect, check_fields, missing


def test_fields_are_typed_and_what_is_unknown_is_left_out() -> None:
    given = {"axis": " loss ", "retraining": "true", "person_hours": "4", "preconditions": ""}
    assert check_fields("design_choice", given) == {
        "axis": "loss",
        "retraining": True,
        "person_hours": 4.0,
    }


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("dataset", {"colour": "red"}, "A dataset has no field “colour”. Its fields are: task"),
        ("design_choice", {"person_hours": -1}, "person_hours does not fit"),
        ("pretrained_model", {"parameters": 7}, "parameters does not fit"),
    ],
)
def test_what_does_not_fit_is_named(kind: str, given: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_fields(kind, given)  # type: ignore[arg-type]


def test_a_brief_without_metric_and_baseline_says_so_first() -> None:
    assert missing({})[:4] == ["metric", "unit", "baseline", "baseline_is"]
    brief = check_brief(
        {"metric": "macro-F1", "unit": "points", "baseline": "0", "baseline_is": "majority class"}
    )
    assert brief["baseline"] == 0.0
    assert missing(brief)[0] == "objective"


def test_a_brief_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="latency limit"):
        check_brief({"deployment": "batch", "latency_ms": 50})
    with pytest.raises(UsageError, match="lies before"):
        check_brief({"review_start": "2026-12-01", "deadline": "2026-11-01"})
    with pytest.raises(UsageError, match="deployment does not fit"):
        check_brief({"deployment": "sometimes"})


def test_an_effect_has_a_unit() -> None:
    assert check_effect({"metric": "F1", "unit": "points", "gain": 1.8}).difference == 1.8
    for given in ({"metric": "F1", "unit": "", "gain": 1.0}, {"metric": "F1", "unit": "%"}):
        with pytest.raises(UsageError):
            check_effect(given)
