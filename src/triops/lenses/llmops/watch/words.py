"""What can be told of an answer by its words alone: whether it refuses, and in which language it is.

Both are rough and quick (some microseconds), good for a share of many calls, not for a verdict on one. Language: the
script where it tells; else how often the commonest words of twelve languages of the Latin script occur.
"""

import re

_LOOKED_AT = 600  # characters

_REFUSES = re.compile(
    r"\b(?:i(?:'m| am)? (?:really |very |so )?sorry,? (?:but )?(?:i |we )?(?:can(?:no|')t|am (?:not able|unable))"
    r"|i (?:can(?:no|')t|won't|will not|am (?:not able|unable) to|'m (?:not able|unable) to) "
    r"(?:help|assist|answer|provide|comply|fulfil+|do that|discuss|share|continue|support|engage|create|generate)"
    r"|as an ai (?:language )?model,? i (?:can(?:no|')t|do not|don't|am)"
    r"|(?:that|this|it)(?:'s| is) (?:against|not something i can)"
    r"|je (?:ne peux pas|suis désolée?,? mais)|es tut mir leid,? (?:aber )?ich kann|das kann ich (?:leider )?nicht"
    r"|lo siento,? (?:pero )?no puedo|no puedo ayudar|mi dispiace,? (?:ma )?non posso|desculpe,? (?:mas )?não posso)",
    re.I,
)

_COMMON = {
    "en": "the and to of is you in that for it with are this on your be have not can",
    "de": "der die und das ist nicht sie ich zu ein mit auf für den es eine im auch wir",
    "fr": "le les des et est vous une pour dans que qui pas je nous sur avec votre ce du",
    "es": "el los las que y en un una por con para su es no se del lo está más",
    "it": "il che di è per un una non con sono del della le si i ha questo più gli",
    "pt": "o os que e não em um uma para com você por se do da são mais seu as",
    "nl": "de het een en van ik is dat niet op te zijn met voor je er aan wij u",
    "sv": "och att det som en på är av för med den till inte jag har om ett vi du",
    "da": "og at det en den til er som på de med han af for ikke der var jeg et",
    "pl": "i w nie na się z do że to jest o jak ale za co tak czy od po",
    "tr": "ve bir bu da için ile de çok ne daha gibi olarak var mi sonra kadar siz en",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke anda adalah",
}
_LANGUAGES = {word: tuple(k for k, v in _COMMON.items() if word in v.split()) for w in _COMMON.values() for word in w.split()}  # fmt: skip  # noqa: E501
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    (0x0400, 0x052F, "ru"),
    (0x0370, 0x03FF, "el"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "ar"),
    (0x0900, 0x097F, "hi"),
    (0x0E00, 0x0E7F, "th"),
    (0x3040, 0x30FF, "ja"),
    (0xAC00, 0xD7AF, "ko"),
    (0x4E00, 0x9FFF, "zh"),
)


def refuses(text: str) -> bool:
    """Whether an answer begins by refusing: in its first 600 characters."""
    return _REFUSES.search(text[:_LOOKED_AT].replace("’", "'")) is not None


def language(text: str) -> str:
    """ISO 639-1, or "" where too little can be told (code, numbers, a word or two)."""
    head = text[:_LOOKED_AT]
    if not head.isascii() and (found := _script(head)):
        return found
    votes: dict[str, float] = {}
    words = _WORD.findall(head.lower())
    for word in words:
        known = _LANGUAGES.get(word, ())
        for name in known:
            votes[name] = votes.get(name, 0.0) + 1.0 / len(known)
    if not votes:
        return ""
    ranked = sorted(votes.items(), key=lambda vote: -vote[1])
    best, runner_up = ranked[0], ranked[1][1] if len(ranked) > 1 else 0.0
    return best[0] if best[1] >= max(2.0, 0.12 * len(words)) and best[1] >= 1.5 * runner_up else ""


def _script(text: str) -> str:
    letters = [ord(c) for c in text if c.isalpha()]
    counts = {name: sum(low <= c <= high for c in letters) for low, high, name in _SCRIPTS}
    if counts["ja"] >= 0.1 * len(letters) > 0:
        return "ja"  # kana between kanji
    name, count = max(counts.items(), key=lambda c: c[1])
    return name if count > 0.5 * len(letters) > 0 else ""
