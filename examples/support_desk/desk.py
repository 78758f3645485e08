"""What happens from a customer's message to the answer? One call of the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, Protocol

from . import handling
from .composing import assemble, dress, in_house_style
from .controls import Controls
from .flags import current_flags
from .intents import LEXICON, Request, intent_of
from .monitoring import is_garbled
from .reading import Vocabulary, last_turns, stems
from .retrieval import Library, load_library
from .store import articles
from .tools import Toolbox
from .wishes import LEXICON as WISHES
from .wishes import Wishes, is_proposal, is_yes, wishes_of

Message = Mapping[str, str]


class Generator(Protocol):
    """What is used of a numpy generator."""

    def integers(self, low: int, high: int) -> Any: ...


Rng = Random | Generator


class Desk:
    """The support desk with a set of controls. It keeps nothing from call to call."""

    def __init__(self, controls: Controls) -> None:
        self.controls = controls

    def answer(
        self,
        input: str | Sequence[Message],
        *,
        context: Sequence[Mapping[str, Any]] | None = None,
        rng: Rng | None = None,
    ) -> dict[str, Any]:
        """Answer a message (or the last one of a conversation).

        `context` holds texts of other people, each with an ``id`` and a ``text``. All chance comes
        from `rng`. Returns ``output``, the ``tool_calls`` made, and the ``usage`` in words.
        """
        flags = current_flags()
        if not flags("workflow.support_desk", True):
            return _switched_off("The assistant is switched off at the moment")
        library, vocabulary = _knowledge()
        chance = _random(rng)
        now, before, said = last_turns(input)
        reading = vocabulary.read(now)
        approved = is_proposal(before) and is_yes(reading)
        if approved:  # a yes means what was proposed
            if not flags("trigger.confirmation", True):
                return _switched_off("Nothing is carried out on a yes alone at the moment")
            reading = vocabulary.read(f"{now}\n{before}")
        if context and not flags("trigger.attachment", True):
            return _switched_off("Texts that come with a message are not read at the moment")
        wishes = wishes_of(vocabulary.read(said))
        request = Request(
            reading,
            wishes,
            attached=bool(context),
            covered=bool(library.about(reading, self.controls.retrieval_filter, chance)),
        )
        work = handling.Work(
            request=request,
            controls=self.controls,
            tools=Toolbox(self.controls, chance, approved, flags),
            library=library,
            rng=chance,
            said=said,
            passages=tuple(str(item.get("text", "")) for item in context or ()),
        )
        intent = intent_of(request)
        if not flags(f"route.{intent}", True):
            return _switched_off("Requests of this kind are not answered by the desk at the moment")
        output = self._speak(handling.handle(intent, work), wishes, chance)
        return {
            "output": output,
            "tool_calls": work.tools.calls,
            "usage": {
                "input_tokens": len(said.split()) + sum(len(p.split()) for p in work.passages),
                "output_tokens": len(output.split()),
            },
        }

    def _speak(self, parts: Sequence[str], wishes: Wishes, rng: Random) -> str:
        body = assemble(parts, rng, build="wide")
        if self.controls.monitoring and is_garbled(body, parts):
            body = assemble(parts, rng, build="stable")
        text = dress(body, wishes, rng)
        if self.controls.validation and not in_house_style(text, body):
            text = dress(body, wishes.civil(), rng)
        return text


def _switched_off(what: str) -> dict[str, Any]:
    """An answer in fixed words, from before any rule is looked at and any tool is called."""
    output = f"{what}. A colleague reads your message and writes to you."
    usage = {"input_tokens": 0, "output_tokens": len(output.split())}
    return {"output": output, "tool_calls": [], "usage": usage}


@cache
def _knowledge() -> tuple[Library, Vocabulary]:
    library = load_library()
    known = {word for words in (*LEXICON.values(), *WISHES.values()) for word in words}
    known |= {word for article in articles() for word in (*stems(article.name), *article.words)}
    return library, Vocabulary(known | library.words)


def _random(rng: Rng | None) -> Random:
    """A `random.Random`, seeded from a numpy generator where one is given."""
    if rng is None or isinstance(rng, Random):
        return rng or Random()
    return Random(int(rng.integers(0, 2**63 - 1)))
