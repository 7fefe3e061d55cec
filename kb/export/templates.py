"""Filling a template of ours, or a team's own, with a plan. The only home of Jinja.

A team's template is foreign text: it runs in Jinja's sandbox, sees records and finished sections,
and reaches nothing else. What a section says is not known here.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from kb.errors import UsageError
from kb.export.findings_markdown import escaped
from kb.records import Plan

_FORMS = Path(__file__).parent / "forms"  # our own templates

LONGEST = 20_000_000  # characters of a filled template: a plan of a thousand findings has 2 million


def filled(
    form: str,
    plan: Plan,
    sections: Mapping[str, str],
    sources: str,
    *,
    template: str | None = None,
    html: bool = False,
) -> str:
    """The template `form` ("plan.md") of ours, or the text `template`, filled with a plan.

    It is given title, made (the day), sections (finished text by name), sources, and plan, the
    record itself. What comes from the record is escaped: by itself in HTML, by the filter `md` in
    Markdown. UsageError, with the line, for a template that is wrong or asks for what is not there.
    """
    text = template if template is not None else (_FORMS / f"{form}.j2").read_text("utf-8")
    environment = ImmutableSandboxedEnvironment(
        autoescape=html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["md"] = lambda value: escaped(str(value))
    finished: Callable[[str], str] = Markup if html else str
    title = plan.project.name
    given: dict[str, Any] = {
        "title": title if html else escaped(title),
        "made": plan.made_at[:10],
        "sections": {name: finished(text) for name, text in sections.items()},
        "sources": finished(sources),
        "plan": plan,
    }
    pieces: list[str] = []
    length = 0
    try:
        for piece in environment.from_string(text).generate(given):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST:
                raise UsageError("The template writes without end.")
    except TemplateSyntaxError as error:
        raise UsageError(f"The template's line {error.lineno}: {_words(error)}.") from error
    except SecurityError as error:
        raise UsageError(
            f"The template{_line(error)} asks for what no template may: {_words(error)}."
        ) from error
    except UndefinedError as error:
        known = ", ".join([*given, *(f"sections.{name}" for name in sections)])
        raise UsageError(
            f"The template{_line(error)} names what is not there: {_words(error)}. "
            f"There is: {known}."
        ) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise UsageError(
            f"The template{_line(error)} cannot be filled: {_words(error)}."
        ) from error
    return "".join(pieces)


def _words(error: Exception) -> str:
    """What an error says, to be followed by a full stop of ours."""
    said = error.message if isinstance(error, TemplateError) else str(error)
    return (said or type(error).__name__).rstrip(".")


def _line(error: Exception) -> str:
    """As “'s line 3”: Jinja writes the template's own lines into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == "<template>"]
    return f"'s line {lines[-1]}" if lines else ""
