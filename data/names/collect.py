"""Knows where installed packages keep the names of datasets and models, and writes them as lists.

It refuses to import those packages and to copy anything but names and stated facts (licence,
number of parameters).

    python data/names/collect.py WHEELS [--ordinary TEXT…]

WHEELS is a folder of wheels, from `pip download --no-deps` of the packages in PACKAGES. With
`--ordinary`, plain or xz text files whose lower-case words count as ordinary language: a name that
is such a word ("race", "beans") is marked and later counts only beside a cue.
"""

from __future__ import annotations

import argparse
import ast
import json
import lzma
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent


@dataclass(slots=True)
class Name:
    """One name as a package states it."""

    name: str
    kind: str  # "dataset" or "pretrained_model"
    aliases: set[str] = field(default_factory=set)
    licence: str = ""
    parameters: int = 0


class Wheel:
    """A wheel's files as text, without unpacking it."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        names = self._zip.namelist()
        metadata = HeaderParser().parsestr(
            self.text(next(n for n in names if n.endswith(".dist-info/METADATA")))
        )
        self.package = str(metadata["Name"])
        self.version = str(metadata["Version"])
        licence = metadata["License-Expression"] or metadata["License"]
        self.licence = str(licence) if licence else "Apache-2.0 (LICENSE file)"

    def paths(self, pattern: str) -> Iterator[str]:
        """Paths inside the wheel that match the regular expression."""
        return (n for n in self._zip.namelist() if re.search(pattern, n))

    def text(self, path: str) -> str:
        """The text of one file."""
        return self._zip.read(path).decode("utf-8", errors="replace")


def _constant(call: ast.Call, name: str) -> object:
    for keyword in call.keywords:
        if keyword.arg == name:
            try:
                return ast.literal_eval(keyword.value)
            except ValueError:
                return None
    return None


def _calls(source: str, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            found = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if found == function:
                yield node


TASK_TYPES = re.compile(
    r"(?:Audio|Video|Multilingual|Multilabel|MultiLabel|Pair|ZeroShot|Any2Any|T2I|I2T|IT2T|T2IT)*"
    r"(?:Classification|Retrieval|Reranking|Clustering|Bitext|BitextMining|Mining|STS|"
    r"Summarization|HardNegatives|P2P|S2S|Fast|ZeroShot|VisualSTS|PC|LP)*"
    r"(?:\.v\d+)?$"
)


def from_mteb(wheel: Wheel) -> Iterator[Name]:
    """Tasks by their names without the kind of task; models without their owner."""
    for path in wheel.paths(r"^mteb/tasks/.*\.py$"):
        for call in _calls(wheel.text(path), "TaskMetadata"):
            name = _constant(call, "name")
            if not isinstance(name, str):
                continue
            short = TASK_TYPES.sub("", name)
            licence = _constant(call, "license")
            yield Name(short or name, "dataset", licence=str(licence or ""))
    for path in wheel.paths(r"^mteb/models/model_implementations/.*\.py$"):
        for call in _calls(wheel.text(path), "ModelMeta"):
            name = _constant(call, "name")
            if isinstance(name, str):
                parameters = _constant(call, "n_parameters")
                licence = _constant(call, "license")
                yield Name(
                    name.split("/")[-1],
                    "pretrained_model",
                    licence=str(licence or ""),
                    parameters=int(parameters) if isinstance(parameters, int | float) else 0,
                )


def from_ir_datasets(wheel: Wheel) -> Iterator[Name]:
    """The pretty name of each collection."""
    for path in wheel.paths(r"^ir_datasets/docs/.*\.yaml$"):
        for found in re.finditer(r"^\s+pretty_name: '(.+)'$", wheel.text(path), re.M):
            yield Name(re.sub(r"\s*\(.*\)$", "", found[1]), "dataset")


def from_tensorflow_datasets(wheel: Wheel) -> Iterator[Name]:
    """Class names of the older builders, folder names of the newer ones."""
    folders = {
        found[1]
        for path in wheel.paths(r"^tensorflow_datasets/datasets/\w+/.*_builder\.py$")
        if (found := re.search(r"/datasets/(\w+)/", path))
    }
    for folder in sorted(folders):
        yield Name(folder, "dataset")
    for path in wheel.paths(r"^tensorflow_datasets/(?!core|testing|scripts).*\.py$"):
        if path.endswith("_test.py"):
            continue
        for found in re.finditer(
            r"^class (\w+)\(\s*tfds\.core\.(?:GeneratorBased|Beam\w*)Builder",
            wheel.text(path),
            re.M,
        ):
            yield Name(found[1], "dataset")


def from_lm_eval(wheel: Wheel) -> Iterator[Name]:
    """The path of each task's data without its owner."""
    for path in wheel.paths(r"^lm_eval/tasks/.*(?:\.yaml|yaml_template\w*)$"):
        for found in re.finditer(r"^dataset_path: *['\"]?([\w./-]+)", wheel.text(path), re.M):
            yield Name(found[1].split("/")[-1], "dataset")


def from_helm(wheel: Wheel) -> Iterator[Name]:
    """Models by display name and id, scenarios by display name."""
    models = yaml.safe_load(wheel.text("helm/config/model_metadata.yaml"))["models"]
    for model in models:
        name = re.sub(r"\s*\(.*\)$", "", model["display_name"])
        alias = model["name"].split("/")[-1]
        parameters = int(model.get("num_parameters") or 0)
        yield Name(name, "pretrained_model", {alias}, parameters=parameters)
    for path in wheel.paths(r"^helm/benchmark/static/schema_\w+\.yaml$"):
        for group in yaml.safe_load(wheel.text(path)).get("run_groups") or []:
            if group.get("taxonomy"):
                name = re.sub(r"\s*\(.*\)$", "", group.get("display_name") or group["name"])
                yield Name(name.split(" - ")[0], "dataset")


def from_timm(wheel: Wheel) -> Iterator[Name]:
    """The architecture of each registered model."""
    for path in wheel.paths(r"^timm/models/\w+\.py$"):
        for found in re.finditer(r"^@register_model\ndef (\w+)\(", wheel.text(path), re.M):
            name = re.sub(r"_(?:patch\d+|\d{3}$|window\d+|in\d+k|clip).*", "", found[1])
            yield Name(name, "pretrained_model")


def from_transformers(wheel: Wheel) -> Iterator[Name]:
    """Model types, with the spelling of their configuration's class."""
    source = wheel.text("transformers/models/auto/auto_mappings.py")
    for found in re.finditer(r'\(?"([\w-]+)"[,:] "(\w+)Config"', source):
        if not re.search(r"encoder|decoder|vision_model|_text$|_vision$|_audio$", found[1]):
            yield Name(found[2], "pretrained_model", {found[1]})


def from_keras_hub(wheel: Wheel) -> Iterator[Name]:
    """Presets, with their number of parameters."""
    for path in wheel.paths(r"^keras_hub/src/models/.*_presets\.py$"):
        for node in ast.parse(wheel.text(path)).body:
            if not isinstance(node, ast.Assign):
                continue
            try:
                presets = ast.literal_eval(node.value)
            except ValueError:
                continue
            for name, facts in presets.items():
                parameters = int(facts.get("metadata", {}).get("params") or 0)
                plain = re.sub(r"_(?:en|uncased|cased|multi)\b.*", "", name)
                yield Name(plain, "pretrained_model", parameters=parameters)


NOT_DATASETS = {"VisionDataset", "FakeData", "DatasetFolder", "ImageFolder", "Kinetics400"}


def from_torchvision(wheel: Wheel) -> Iterator[Name]:
    """Public dataset classes, and functions that build a model."""
    listed = re.search(r"__all__ = \((.*?)\)", wheel.text("torchvision/datasets/__init__.py"), re.S)
    for name in re.findall(r'"(\w+)"', listed[1] if listed else ""):
        if name not in NOT_DATASETS and name[0].isupper():
            yield Name(name, "dataset")
    for path in wheel.paths(r"^torchvision/models/(?:\w+/)?\w+\.py$"):
        for found in re.finditer(
            r"^@register_model\(.*\)\n(?:@.*\n(?:    .*\n|\))*)*def (\w+)\(", wheel.text(path), re.M
        ):
            yield Name(found[1], "pretrained_model")


def from_torchtext(wheel: Wheel) -> Iterator[Name]:
    """The dataset functions."""
    source = wheel.text("torchtext/datasets/__init__.py")
    for name in re.findall(r'^    "(\w+)": ', source, re.M):
        yield Name(name, "dataset")


def from_scikit_learn(wheel: Wheel) -> Iterator[Name]:
    """What the loaders and fetchers are called after."""
    source = wheel.text("sklearn/datasets/__init__.py")
    for name in sorted(set(re.findall(r'"(?:load|fetch)_(\w+)"', source))):
        if not re.search(r"file|svmlight|openml|sample|data_home", name):
            yield Name(name, "dataset")


PACKAGES: dict[str, Callable[[Wheel], Iterator[Name]]] = {
    "mteb": from_mteb,
    "ir_datasets": from_ir_datasets,
    "tensorflow-datasets": from_tensorflow_datasets,
    "lm_eval": from_lm_eval,
    "crfm-helm": from_helm,
    "timm": from_timm,
    "transformers": from_transformers,
    "keras-hub": from_keras_hub,
    "torchvision": from_torchvision,
    "torchtext": from_torchtext,
    "scikit-learn": from_scikit_learn,
}


def key(name: str) -> str:
    """The letters and digits of a name in lower case: what spellings have in common."""
    return "".join(c for c in name.casefold() if c.isalnum())


def merged(names: Iterator[Name]) -> list[Name]:
    """One entry per kind and key, the spelling with most capitals first among equals."""
    found: dict[tuple[str, str], Name] = {}
    for name in names:
        text = name.name.replace("_", "-").strip()
        if len(key(text)) < 2 or text.isdigit() or len(text) > 60 or not text.isascii():
            continue
        known = found.setdefault((name.kind, key(text)), Name(text, name.kind))
        if sum(map(str.isupper, text)) > sum(map(str.isupper, known.name)):
            known.name = text
        known.aliases |= {a.replace("_", "-") for a in name.aliases if key(a) != key(text)}
        known.licence = known.licence or name.licence
        known.parameters = known.parameters or name.parameters
    return sorted(found.values(), key=lambda n: (n.kind, key(n.name)))


def ordinary_words(files: list[Path]) -> Counter[str]:
    """How many lines of the texts hold each word in lower case."""
    counts: Counter[str] = Counter()
    for file in files:
        content = file.read_bytes()
        text = (lzma.decompress(content) if file.suffix == ".xz" else content).decode()
        for line in text.splitlines():
            counts.update(set(re.findall(r"(?<![\w-])[a-z]{2,}(?![\w-])", line)))
    return counts


ORDINARY_FROM = 4
"""Lines of text a word must stand in: below it, names that authors do not capitalise creep in."""


def _is_ordinary(spelling: str, ordinary: Counter[str]) -> bool:
    """Whether every word of a spelling is an everyday word."""
    return all(ordinary[w.lower()] >= ORDINARY_FROM for w in re.findall(r"\w+", spelling))


def row(name: Name, ordinary: Counter[str]) -> dict[str, object]:
    """An entry of the list; what is empty is left out."""
    entry: dict[str, object] = {"name": name.name, "kind": name.kind}
    if name.aliases:
        entry["aliases"] = sorted(name.aliases)
    if name.licence and name.licence not in {"not specified", "None"}:
        entry["licence"] = name.licence
    if name.parameters:
        entry["parameters"] = name.parameters
    if any(_is_ordinary(s, ordinary) for s in (name.name, *name.aliases)):
        entry["ordinary"] = True
    return entry


def write(wheel: Wheel, names: list[Name], ordinary: Counter[str]) -> Path:
    """One list per package: a header with the source, then one name a line."""
    source = {"package": wheel.package, "version": wheel.version, "licence": wheel.licence}
    rows = [json.dumps(row(n, ordinary), ensure_ascii=False) for n in names]
    path = HERE / f"{wheel.package.replace('_', '-')}.json"
    text = f'{{"source": {json.dumps(source)},\n"names": [\n' + ",\n".join(rows) + "\n]}\n"
    path.write_text(text, encoding="utf-8")
    return path


def main() -> int:
    """Write a list for every wheel that a reader is known for."""
    parser = argparse.ArgumentParser(description="Collect names of datasets and models.")
    parser.add_argument("wheels", type=Path)
    parser.add_argument("--ordinary", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    ordinary = ordinary_words(arguments.ordinary)
    for path in sorted(arguments.wheels.glob("*.whl")):
        wheel = Wheel(path)
        reader = PACKAGES.get(wheel.package)
        if reader is None:
            print(f"{path.name}: no reader for {wheel.package}", file=sys.stderr)
            continue
        names = merged(reader(wheel))
        written = write(wheel, names, ordinary)
        print(f"{written.name}: {len(names)} names, {written.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
