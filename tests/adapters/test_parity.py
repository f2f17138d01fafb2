"""What counts as the same: noise is measured without the adapter, divergences only beyond it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from adapters.errors import TrainingError
from adapters.files.parity import compare, read_references
from assistant.backends.base import Step

TOP = [[7, 5.0], [8, 4.0], [9, 1.0]]


def reference(places: int = 3, prompts: int = 2, top: Any = TOP) -> Any:
    """parity.json of a run whose greedy token is always 7."""
    one = {"tokens": [7] * places, "top": [top] * places}
    return {"prompts": [{"prompt": [1, 2], "base": one, "adapter": one}] * prompts}


def said(offset: float = 0.0, token: int = 7, places: int = 3, prompts: int = 2) -> list[list[Step]]:
    """llama.cpp's side: all logits off by `offset`."""
    return [[Step(token, 5.0, [logit + offset for _, logit in TOP])] * places for _ in range(prompts)]


def test_equal_logits_agree() -> None:
    """No difference at all: every prompt agrees, and the line says so."""
    report = compare(read_references(reference()), said(), said())
    assert report.agreed and (report.same, report.prompts, report.first_divergence) == (2, 2, -1)
    assert (report.max_base, report.max_adapter) == (0.0, 0.0) and "2 of 2" in report.text


def test_noise_of_the_base_is_allowed_with_the_adapter() -> None:
    """Another token is no divergence while the reference's own lead is within twice the base's noise."""
    pairs = read_references(reference())
    assert compare(pairs, said(0.6), said(0.6, token=8)).agreed
    report = compare(pairs, said(0.4), said(0.4, token=8))
    assert not report.agreed and (report.same, report.first_divergence) == (0, 0)
    assert "token 1" in report.text and "\n" not in report.text


def test_a_token_that_was_not_likely_is_a_divergence() -> None:
    """A token outside of the reference's likeliest counts, and its place is told."""
    steps = said()
    steps[1][2] = dataclasses.replace(steps[1][2], token=250)
    report = compare(read_references(reference()), said(), steps)
    assert (report.same, report.first_divergence, report.agreed) == (1, 2, False)


def test_logits_that_are_all_far_off_are_refused_without_a_divergence() -> None:
    """Fluent but wrong: the same tokens, while typical differences are a multiple of the base's."""
    report = compare(read_references(reference()), said(0.01), said(0.2))
    assert report.same == report.prompts and not report.agreed
    assert "not what was trained" in report.text
    assert compare(read_references(reference()), said(0.01), said(0.02)).agreed


def test_infinite_logits_never_agree() -> None:
    """NaN from the engine is an infinite difference."""
    assert not compare(read_references(reference()), said(), said(float("nan"))).agreed


@pytest.mark.parametrize(
    "value",
    [
        None, [], {}, {"prompts": 3}, {"prompts": []}, {"prompts": [{}]}, reference(places=0),
        reference(top=[]), reference(top=[[7, "x"]]), reference(top=[[7, float("inf")]]), reference(top=[[7]]),
    ],
)  # fmt: skip
def test_a_damaged_reference_is_refused(value: Any) -> None:
    """Whatever stands in the file: a sentence."""
    with pytest.raises(TrainingError) as caught:
        read_references(value)
    assert "\n" not in str(caught.value) and caught.value.hint
