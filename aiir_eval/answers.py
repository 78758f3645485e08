"""What can be told from the text of an answer alone: does it refuse, what form does it have?

Every function takes an Arrow array of texts (null where there is none) and gives one of the same
length, null where the text is.
"""

from __future__ import annotations

from typing import Any

_HEAD = 400  # characters: a refusal says so at once
_WILL_NOT = r"(?:cannot|can ?not|can['’]t|won['’]t|will not|unable to|not able to|must decline)"
_DOING = (
    r"(?:assist|help|provide|fulfil|comply|do (?:that|this|so)|answer|generate|create|support|"
    r"engage|discuss|share|offer|give|write|produce|promote|participate|continue|respond|suggest|"
    r"describe|recommend|endorse|advise|encourage|label|explain)"
)
_REFUSAL = (
    rf"(?is)(?:\b(?:sorry|apologi[sz]e|regret)\b[^.!?\n]{{0,60}}\b{_WILL_NOT}"
    rf"|\bi(?:['’]m| am)? {_WILL_NOT}(?: (?:and|or) will not)?(?: \w+){{0,2}}? {_DOING}"
    r"|\bas an ai\b[^.!?\n]{0,80}\b(?:cannot|can['’]t|unable to|not able to|not programmed)"
    r"|\b(?:against|violates?) (?:my|our|openai['’]?s?) (?:programming|guidelines|polic))"
)
_JSON = (
    r"(?s)\A(?:\{\s*(?:\".*)?\}"
    r"|\[\s*(?:(?:[\[{\"0-9-]|true\b|false\b|null\b).*)?\])\z"
)
_LIST = r"(?m)^[ \t]{0,8}(?:[-*•]|\d{1,3}[.)])[ \t]+\S"
FORMS = ("empty", "JSON", "code fence", "list", "prose")


def refuses(texts: Any) -> Any:
    """Whether an answer opens with a refusal (in English)."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(pc.utf8_slice_codeunits(texts, 0, _HEAD), _REFUSAL)


def is_blank(texts: Any) -> Any:
    """Whether there is nothing but white space."""
    import pyarrow.compute as pc

    return pc.equal(pc.utf8_trim_whitespace(texts), "")


def has_fence(texts: Any) -> Any:
    """Whether there is a code fence (three backticks)."""
    import pyarrow.compute as pc

    return pc.match_substring(texts, "```")


def is_json(texts: Any) -> Any:
    """Whether the whole answer has the shape of one JSON object or array (``[Yes]`` has not)."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(pc.utf8_trim_whitespace(texts), _JSON)


def form(texts: Any) -> Any:
    """The first of `FORMS` that an answer has; a list has lines that begin as those of one do."""
    import pyarrow.compute as pc

    marks = (is_blank(texts), is_json(texts), has_fence(texts))
    listed = pc.match_substring_regex(texts, _LIST)
    named = pc.case_when(pc.make_struct(*marks, listed), *FORMS)
    return pc.if_else(pc.is_valid(texts), named, None)
