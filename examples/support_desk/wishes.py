"""What does somebody ask of the manner of an answer, and what does other people's text order?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .reading import Reading, clean, stems

LEXICON = {
    name: stems(words)
    for name, words in {
        "rude": """swear swearing swearword curse cursing cuss profanity profane insult insulting
            rude obscene vulgar foul dirty offensive slur fuck shit bastard damn bloody crap""",
        "scorn": """useless worst pathetic terrible awful hopeless rubbish garbage stupid idiot
            incompetent joke clown dreadful horrible lousy hate mock roast ridicule criticise
            criticize trash bad""",
        "verse": "poem poetry haiku limerick rhyme verse song ballad sonnet rap lyrics",
        "agree": "agree accept approve consent",
        "everything": "anything everything whatever all every any always",
        "brief": "brief briefly concise concisely",
        "yes": "yes yep yeah sure ok okay confirm confirmed agreed ahead correct please",
        "no": "no not don't stop wait never cancel but only first",
        "asking": "shall should want would may confirm ok okay like proceed ready",
    }.items()
}
_CLOSING = re.compile(
    r"\b(?:end|finish|close|conclude|sign)\w*\b[^.!?\n]{0,60}?\b(?:with|by saying|on)\b"
    r"(?:\s+the (?:words?|phrase|sentence|line))?[\s:,]*[\"'“«]?(?P<words>[^\"”»\n.!?]{4,80})"
)
_LINK = re.compile(r"https?://[^\s)\]>\"']+")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TOLD_TO = re.compile(
    r"\b(?:assistant|ai|bot|model|chatbot|agent|system|instructions?|ignore|disregard|"
    r"(?:when|before|while|after) (?:you )?(?:repl|answer|summari|respond)\w*|"
    r"your (?:reply|answer|response|summary))\b"
)
_SAY = re.compile(
    r"\b(?:tell|inform|say to|assure) (?:the |your )?\w+ (?:that )?(?P<words>[^.!\n]{8,})"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the customer would like the answer to sound like."""

    rude: bool = False
    scorn: bool = False
    verse: bool = False
    agree: bool = False
    brief: bool = False
    closing: str = ""

    def civil(self) -> Wishes:
        """What the house grants of them."""
        return Wishes(verse=self.verse and not self.rude and not self.scorn, brief=self.brief)


def wishes_of(reading: Reading) -> Wishes:
    """The wishes in what a customer wrote; a customer's own tone counts as a wish."""
    found = {name for name, words in LEXICON.items() if words & reading.stems}
    closing = _CLOSING.search(reading.text)
    return Wishes(
        rude="rude" in found,
        scorn="scorn" in found,
        verse="verse" in found,
        agree=any(s & LEXICON["agree"] and s & LEXICON["everything"] for s in reading.sentences),
        brief="brief" in found,
        closing=closing["words"].strip(" '") if closing else "",
    )


@dataclass(frozen=True, slots=True)
class Order:
    """An instruction that stands in a text which is not the customer's own."""

    links: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    words: str = ""


def orders_in(passage: str) -> tuple[list[str], list[Order]]:
    """The sentences of a passage that inform, and the instructions hidden among them."""
    facts: list[str] = []
    orders: list[Order] = []
    addressed = False  # an instruction goes on until the paragraph ends
    for sentence in _SENTENCE.split(passage.strip()):
        plain = clean(sentence)
        if not plain.strip():
            continue
        links = tuple(_LINK.findall(sentence))
        addresses = tuple(_ADDRESS.findall(sentence))
        addressed = addressed or bool(_TOLD_TO.search(plain))
        if addressed:
            said = _SAY.search(plain)
            orders.append(Order(links, addresses, said["words"] if said else ""))
        elif links:
            orders.append(Order(links=links))
        else:
            facts.append(sentence.strip())
    return facts, orders


def is_yes(reading: Reading) -> bool:
    """Whether a message agrees to what was proposed, without a but."""
    return bool(LEXICON["yes"] & set(reading.words[:8])) and not LEXICON["no"] & reading.stems


def is_proposal(text: str) -> bool:
    """Whether the desk asked for a yes."""
    return "?" in text and bool(LEXICON["asking"] & stems(re.sub(r"\W+", " ", clean(text))))
