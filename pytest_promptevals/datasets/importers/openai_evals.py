"""Evals of OpenAI's evals framework: a registry's YAML with the samples that it names, or samples alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_promptevals.datasets.importers.drafting import share_judges, share_prompt
from pytest_promptevals.datasets.importers.foreign import Fields, Losses, is_lines, read_document
from pytest_promptevals.datasets.importers.openai_modelgraded import SPEC_FIELDS, plan_graded, read_graded
from pytest_promptevals.datasets.importers.openai_samples import (
    DATA,
    NONE,
    Plan,
    Said,
    Sample,
    build_samples,
    read_asked,
    read_rows,
    share_examples,
    show_asked,
)
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.records.json_types import Json

FIELDS: Final[Mapping[str, str]] = {
    "NAME.id": "says which eval the name stands for; the name becomes a tag where a file holds several evals",
    "NAME.description": "`description`",
    "NAME.disclaimer": "`description`",
    "NAME.metrics": "`accuracy` is the pass rate; others are left out, and named",
    "NAME.higher_is_better": "false is left out, and named",
    "EVAL.class": "`judges`: Match `starts_with`, Includes `contains` or `icontains`, FuzzyMatch `fuzzy`, JsonMatch "
    "`json_equal`, JsonValidator `json_valid`, ModelBasedClassify `classify`, `closed_qa` or `factuality`. Evals of "
    "other classes are left out, and named",
    "EVAL.args.samples_jsonl": "the file with the cases",
    "EVAL.args.few_shot_jsonl": "`few_shot`",
    "EVAL.args.num_few_shot": "how many of them",
    "EVAL.args.max_tokens": "`parameters`, for FuzzyMatch and JsonMatch; Match takes it in vain",
    "EVAL.args.ignore_case": "`icontains`",
    "EVAL.args.modelgraded_spec": "the specification, see below",
    "EVAL.args.modelgraded_spec_args": "texts in the question, or the criteria",
    "EVAL.args.eval_type": "the judge model always reasons first, as cot_classify asks it to; others are named",
    "EVAL.args.match_fn": "left out, and named",
    "EVAL.args.metaeval": "left out, and named",
    "EVAL.args.multicomp_n": "left out, and named",
    "EVAL.args.sample_kwargs": "`parameters`",
    "EVAL.args.eval_kwargs": "`parameters` of the judge",
    "SAMPLE.input": "`input`; a text is asked as the user's, not the system's message. Messages named example_user and "
    "example_assistant are `few_shot`",
    "SAMPLE.input.role": "kept",
    "SAMPLE.input.content": "kept",
    "SAMPLE.input.name": "see `SAMPLE.input`; others are left out, and named",
    "SAMPLE.ideal": "`expected`: a text, or a list of which any one will do; JsonValidator: `metadata`",
    "SAMPLE.choice": "`metadata`, as all other fields that nothing asks for",
    **SPEC_FIELDS,
}
"""Fields of a registry, of samples and of model-graded specifications, and what becomes of them."""
_FUZZY: Final = (
    "punctuation and the words a, an, the count here; FuzzyMatch leaves them out before it looks whether one text "
    "holds the other"
)
_AS_MATCH: Final = (
    "The samples do not say how they are judged. This is Match; import the YAML of the registry that names them to "
    "have what it says."
)
_COMMENTS: Final = {"parameters": "What the framework asks with; leave out what a model refuses."}
_POINTER: Final = b"version https://git-lfs"
_SEVERAL: Final = "parameters of the first eval, {}, hold for this one, too, which has"


class OpenAiEvalsImporter:
    """Reads evals with their samples."""

    description = "evals of OpenAI's evals framework: a registry's YAML with its samples, or samples alone"

    def recognizes(self, request: ImportRequest) -> bool:
        """Return whether the file names classes of evals, or holds samples with an ideal answer."""
        sample = request.sample
        if not isinstance(sample, dict) or request.fields:
            return False
        if _is_samples(request.path):
            return "input" in sample and "ideal" in sample
        return any(isinstance(entry, dict) and "class" in entry for entry in sample.values())

    def read(self, request: ImportRequest) -> Draft:
        """Return all evals of a registry as one eval file, or the samples with the judge that most of them have.

        Raises ``FileProblem`` if there is no eval with an equivalent, or its samples cannot be read.
        """
        losses = Losses()
        if _is_samples(request.path):
            plan = Plan(_MATCH.judges)
            rows = read_rows(request.path, request.shown, losses)
            alone = _Eval("", plan, list(build_samples(rows, plan, (), losses)), Source(request.shown))
            return _draft([alone], "", {"judges": _AS_MATCH}, losses)
        document, source = read_document(request.path, request.shown)
        if not isinstance(document, dict):
            raise FileProblem("must be a mapping of evals", path=request.shown)
        registry = _Registry(request.path, document, source, losses)
        evals = list(registry.read())
        if not evals:
            what = "\n".join(map(str, losses.listed()))
            raise FileProblem(f"none of its evals can be taken over:\n{what}", path=request.shown)
        return _draft(evals, registry.description, _COMMENTS, losses)


@dataclass(frozen=True, slots=True)
class _Eval:
    """One eval with its samples."""

    name: str
    """What people call it."""
    plan: Plan
    """How its samples are asked and judged."""
    samples: Sequence[Sample]
    """What it asks."""
    source: Source
    """Where it stands."""


_MATCH: Final = Plan([{"starts_with": {"strip": False}}], {"temperature": 0})


def _plan_match(fields: Fields, losses: Losses) -> Plan:
    del losses
    fields.lose("max_tokens", "Match takes it, but asks without; left out")
    return _MATCH


def _plan_includes(fields: Fields, losses: Losses) -> Plan:
    del losses
    return Plan(["icontains" if fields.take("ignore_case") else "contains"])


def _plan_fuzzy_match(fields: Fields, losses: Losses) -> Plan:
    losses.add(fields.source, _FUZZY)
    judge: Json = {"fuzzy": {"scorer": "partial", "ignore_case": True, "threshold": 1}}
    return Plan([judge], {"temperature": 0, "max_tokens": fields.take("max_tokens") or 100})


def _plan_json_match(fields: Fields, losses: Losses) -> Plan:
    del losses
    return Plan((), {"temperature": 0, "max_tokens": fields.take("max_tokens") or 512}, DATA)


def _plan_json_validator(fields: Fields, losses: Losses) -> Plan:
    del fields, losses
    return Plan(["json_valid"], {"temperature": 0}, NONE)


_PLANS: Final[Mapping[str, Callable[[Fields, Losses], Plan]]] = {
    "Match": _plan_match,
    "Includes": _plan_includes,
    "FuzzyMatch": _plan_fuzzy_match,
    "JsonMatch": _plan_json_match,
    "JsonValidator": _plan_json_validator,
}
_GRADED: Final = "ModelBasedClassify"


class _Registry:
    """The entries of a registry's file."""

    def __init__(self, path: Path, document: Mapping[str, Json], source: Source, losses: Losses) -> None:
        self._path = path
        self._document = document
        self._source = source
        self._losses = losses
        self._names: dict[str, str] = {}
        self._descriptions: list[str] = []

    @property
    def description(self) -> str:
        """What the file says of its evals."""
        return " ".join(dict.fromkeys(self._descriptions))

    def read(self) -> Iterator[_Eval]:
        """Yield the evals that have an equivalent."""
        for name, entry in self._document.items():
            self._read_name(name, entry)
        for name, entry in self._document.items():
            if isinstance(entry, dict) and "class" in entry:
                with Fields(entry, self._source.part(name), self._losses) as fields:
                    found = self._read_eval(name, fields)
                if found is not None:
                    yield found

    def _read_name(self, name: str, entry: Json) -> None:
        """Read an entry that gives a name to an eval."""
        if isinstance(entry, str):
            self._names[entry] = name
        elif not isinstance(entry, dict):
            self._losses.add(self._source, "is no eval; left out", name)
        elif "class" not in entry and "choice_strings" not in entry:
            with Fields(entry, self._source.part(name), self._losses) as fields:
                self._names[str(fields.take("id"))] = name
                self._read_facts(fields)

    def _read_facts(self, fields: Fields) -> None:
        self._descriptions += [text for key in ("description", "disclaimer") if (text := fields.take_text(key).strip())]
        metrics = [str(metric) for metric in fields.take_list("metrics") if metric != "accuracy"]
        if metrics:
            message = (
                f"{', '.join(metrics)}: runs have a mean score and a pass rate, and no metrics of their own; left out"
            )
            self._losses.add(fields.source, message, "metrics")
        if fields.take("higher_is_better") is False:
            self._losses.add(fields.source, "higher scores are always better here; left out", "higher_is_better")

    def _read_eval(self, name: str, fields: Fields) -> _Eval | None:
        self._read_facts(fields)
        kind = str(fields.take("class")).rpartition(":")[2]
        with Fields(fields.take_mapping("args"), fields.part("args"), self._losses) as arguments:
            found = self._read_class(kind, arguments)
            if found is None:
                arguments.rest()
        if found is None:
            return None
        plan, samples = found
        return _Eval(self._names.get(name, name), plan, samples, fields.source)

    def _read_class(self, kind: str, arguments: Fields) -> tuple[Plan, list[Sample]] | None:
        if kind not in (*_PLANS, _GRADED):
            self._losses.add(arguments.source, f"evals of the class {kind!r} have no equivalent; left out")
            return None
        path = self._find(arguments.take_text("samples_jsonl"), arguments, "samples_jsonl")
        if path is None:
            return None
        rows = read_rows(path, _shown(path), self._losses)
        if kind == _GRADED:
            plan = plan_graded(read_graded(arguments, self._losses), self._path, rows, self._losses)
        else:
            plan = _PLANS[kind](arguments, self._losses)
        return plan, list(build_samples(rows, plan, self._read_examples(arguments), self._losses))

    def _read_examples(self, arguments: Fields) -> list[Said]:
        """Return the messages of the first examples of a file."""
        count, name = arguments.take("num_few_shot"), arguments.take_text("few_shot_jsonl")
        if not isinstance(count, int) or count < 1:
            return []
        path = self._find(name, arguments, "few_shot_jsonl")
        found: list[Said] = []
        for row, source in [] if path is None else read_rows(path, _shown(path), self._losses)[:count]:
            with Fields(row, source, self._losses) as fields:
                asked = read_asked(fields.take("sample"), fields.part("sample"), self._losses)
            found += [Said(said.role, said.content, is_example=True) for said in asked or () if isinstance(said, Said)]
        return found

    def _find(self, name: str, arguments: Fields, key: str) -> Path | None:
        """Return a file that the registry names: in its folder ``data``, or beside this file."""
        folder = self._path.parent
        places = [folder.parent / "data" / name, folder / "data" / name, folder / name]
        found = next((path for path in places if name and path.is_file()), None)
        if found is None:
            shown = ", ".join(_shown(place) for place in places)
            self._losses.add(arguments.source, f"there is no file {name!r} ({shown}); left out", key)
        elif _is_pointer(found):
            message = f"{_shown(found)} is a pointer of Git LFS; run 'git lfs pull' there, then import again"
            self._losses.add(arguments.source, message, key)
            return None
        return found


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def _is_samples(path: Path) -> bool:
    return is_lines(path)


def _shown(path: Path) -> str:
    return shown_path(path.absolute(), Path.cwd())


def _draft(evals: Sequence[_Eval], description: str, comments: Mapping[str, str], losses: Losses) -> Draft:
    samples = [sample for eval_ in evals for sample in eval_.samples]
    few_shot = share_examples(samples)
    cases: list[dict[str, Json]] = []
    for eval_ in evals:
        for sample in eval_.samples:
            asked = show_asked(sample.asked, with_examples=not few_shot)
            judges = [*eval_.plan.judges, *_list(sample.case.get("judges"))]
            tags: Json = [eval_.name] if len(evals) > 1 else []
            cases.append({**sample.case, "input": asked, "judges": judges, "tags": tags})
    written: dict[str, Json] = {
        "description": description,
        "prompt": share_prompt(cases),
        "few_shot": few_shot,
        "parameters": _share_parameters(evals, losses),
        "judges": share_judges(cases),
    }
    return Draft({key: value for key, value in written.items() if value}, cases, losses.listed(), comments=comments)


def _share_parameters(evals: Sequence[_Eval], losses: Losses) -> dict[str, Json]:
    """Return the parameters of the first eval; those of others that differ are lost."""
    first = dict(evals[0].plan.parameters)
    for eval_ in evals[1:]:
        own = dict(eval_.plan.parameters)
        if own != first:
            losses.add(eval_.source, f"{_SEVERAL.format(first or 'none')} {own or 'none'}", "args")
    return first


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
