from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.beir import ndcg, read_collection, recall
from benchmarks.gate import failures, raised
from benchmarks.retrieval import Measured


def test_ndcg_by_hand() -> None:
    assert ndcg(["a", "x", "b"], {"a": 1, "b": 1}) == pytest.approx(1.5 / (1 + 0.6309297535714574))
    assert ndcg(["b", "a"], {"a": 3, "b": 1}) == pytest.approx(
        (1 + 3 * 0.6309297535714574) / (3 + 0.6309297535714574)
    )
    assert ndcg(["x"] * 10 + ["a"], {"a": 1}) == 0
    assert ndcg(["a"], {str(n): 1 for n in range(20)} | {"a": 1}) == pytest.approx(1 / 4.543559338)


def test_recall_by_hand() -> None:
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 2}) == pytest.approx(2 / 3)
    assert recall(["x", "a"], {"a": 1}, k=1) == 0


def test_a_folder_in_beirs_layout_is_read(tmp_path: Path) -> None:
    corpus = [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "text": "two"}]
    (tmp_path / "corpus.jsonl.gz").write_bytes(
        gzip.compress("\n".join(json.dumps(row) for row in corpus).encode())
    )
    queries = [{"_id": "q1", "text": "?"}, {"_id": "q2", "text": "not judged"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(json.dumps(row) for row in queries))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td2\t-1\n"
    )
    found = read_collection(tmp_path)
    assert found.documents == (("d1", "T", "one"), ("d2", "", "two"))
    assert found.questions == {"q1": "?"}
    assert found.judgements == {"q1": {"d1": 2}}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"corpus\.jsonl"):
        read_collection(tmp_path)


def measured(name: str, semantic: float, lexical: float, hybrid: float) -> list[Measured]:
    return [
        Measured(name, "hybrid", 9, hybrid, 1.0, 1.0),
        Measured(name, "semantic", 9, semantic, 1.0, 1.0),
        Measured(name, "lexical", 9, lexical, 1.0, 1.0),
    ]


def test_the_gate_opens_for_what_is_good_enough() -> None:
    rows = measured("a", 0.5, 0.4, 0.55)
    assert failures(rows, {"a": {"hybrid": 0.54}}) == []


def test_the_gate_names_what_fell() -> None:
    rows = measured("a", 0.5, 0.4, 0.6)
    assert failures(rows, {"a": {"hybrid": 0.61}}) == [
        "a, hybrid: nDCG@10 0.6000 is below its floor of 0.6100."
    ]
    assert "not above the better" in failures(measured("a", 0.5, 0.4, 0.49), {})[0]
    assert "on average" in failures(measured("a", 0.5, 0.4, 0.52), {})[0]


def test_floors_rise_and_never_fall() -> None:
    rows = measured("a", 0.5, 0.4, 0.6)
    floors = raised(rows, {"a": {"hybrid": 0.7, "semantic": 0.1}, "b": {"hybrid": 0.9}})
    assert floors["a"]["hybrid"] == 0.7
    assert floors["a"]["semantic"] == pytest.approx(0.497)
    assert floors["b"] == {"hybrid": 0.9}
