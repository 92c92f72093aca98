"""A Prometheus series selector (Prometheus 3 syntax, UTF-8 names included), parsed and matched; no query language.

OpenTelemetry names keep their dots in the store. A matcher finds a label under its own name or with every other
character as `_`, and a metric also under the name that Prometheus would give it (unit suffix, `_total`), so that
both `http.server.duration` and `http_server_duration_milliseconds` find it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from triops.kernel.errors import Invalid

_HEAD = 256
_OPS = ("=~", "!~", "!=", "=")
_BARE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")  # dots too: lenient, so that an OpenTelemetry name needs no quotes
_UNITS = {
    "ms": "milliseconds", "s": "seconds", "us": "microseconds", "ns": "nanoseconds", "min": "minutes", "h": "hours",
    "d": "days", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes", "kBy": "kilobytes",
    "MBy": "megabytes", "GBy": "gigabytes", "m": "meters", "V": "volts", "A": "amperes", "J": "joules", "W": "watts",
    "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matcher:
    label: str
    op: str
    value: str

    def __call__(self, value: str) -> bool:
        if self.op == "=":
            return value == self.value
        if self.op == "!=":
            return value != self.value
        # An expression sees the head of a value only: what repetitions cost grows with a power of its length.
        return (re.fullmatch(self.value, value[:_HEAD]) is not None) == (self.op == "=~")


@dataclass(frozen=True, slots=True)
class Selector:
    """`name` is the exact metric name when one is given (the fast path of a store); `matchers` are all the rest."""

    name: str | None
    matchers: tuple[Matcher, ...]

    def matches(self, name: str, unit: str, type_: str, labels: Mapping[str, str]) -> bool:
        """`labels` include those taken from the resource. A missing label is the empty string (Prometheus' rule)."""
        if self.name is not None and self.name not in aliases(name, unit, type_):
            return False
        for matcher in self.matchers:
            if matcher.label == "__name__":
                if not any(matcher(alias) for alias in aliases(name, unit, type_)):
                    return False
            elif not matcher(find_label(labels, matcher.label)):
                return False
        return True


def find_label(labels: Mapping[str, str], label: str) -> str:
    value = labels.get(label)
    if value is None:
        value = next((v for k, v in labels.items() if underscored(k) == label), None)
    if value is None and label == "job":
        value = labels.get("service.name")
    if value is None and label == "instance":
        value = labels.get("service.instance.id")
    return value or ""


def underscored(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)


def aliases(name: str, unit: str, type_: str) -> tuple[str, ...]:
    """The names a metric answers to: its own, and those of OpenTelemetry's Prometheus compatibility specification."""
    plain = underscored(name)
    names = [name, plain]
    stem, part = plain, ""
    if type_ in ("histogram", "summary"):
        for suffix in ("_count", "_sum", "_bucket"):
            if plain.endswith(suffix):
                stem, part = plain.removesuffix(suffix), suffix
    word = "" if unit.startswith("{") else _UNITS.get(unit, "ratio" if unit == "1" and type_ == "gauge" else "")
    full = stem if not word or stem.endswith("_" + word) else f"{stem}_{word}"
    names.append(full + part)
    if type_ == "counter":
        names += [n if n.endswith("_total") else n + "_total" for n in (plain, full)]
    return tuple(dict.fromkeys(names))


def parse_selector(text: str) -> Selector:
    """`name{label="value", other=~"re.*"}`, `{"dotted.name", label="v"}`, `{__name__=~"..."}`.

    Raises: Invalid with the position of what is wrong; also for an empty selector, which would match everything.
    """
    at = 0
    name: str | None = None
    matchers: list[Matcher] = []

    def fail(expected: str) -> Invalid:
        return Invalid(f"cannot read the selector at position {at}", field="match", got=text, expected=expected)

    def space() -> None:
        nonlocal at
        while at < len(text) and text[at].isspace():
            at += 1

    def quoted() -> str:
        nonlocal at
        quote, out = text[at], []
        at += 1
        while at < len(text) and text[at] != quote:
            if text[at] == "\\" and quote != "`":
                at += 1
                escape = text[at : at + 1]
                if not escape:
                    break
                out.append({"n": "\n", "t": "\t", "r": "\r"}.get(escape, escape))
            else:
                out.append(text[at])
            at += 1
        if at >= len(text):
            raise fail("a closing quote")
        at += 1
        return "".join(out)

    def word() -> str:
        nonlocal at
        if at < len(text) and text[at] in "\"'`":
            return quoted()
        found = _BARE.match(text, at)
        if not found:
            raise fail("a name")
        at = found.end()
        return found.group()

    if len(text) > 4096:
        raise Invalid("the selector is too long", field="match", got=text, expected="at most 4096 characters")
    space()
    if at < len(text) and text[at] != "{":
        name = word()
        space()
    if at < len(text) and text[at] == "{":
        at += 1
        space()
        while at < len(text) and text[at] != "}":
            was_quoted = text[at] in "\"'`"
            label = word()
            space()
            op = next((o for o in _OPS if text.startswith(o, at)), None)
            if op is None:
                if not was_quoted or name is not None:
                    raise fail("one of = != =~ !~")
                name = label
            else:
                at += len(op)
                space()
                if at >= len(text) or text[at] not in "\"'`":
                    raise fail("a quoted value")
                value = quoted()
                if op in ("=~", "!~"):
                    check_regex(value)
                if label == "__name__" and op == "=" and name is None:
                    name = value
                else:
                    matchers.append(Matcher(label, op, value))
            space()
            if at < len(text) and text[at] == ",":
                at += 1
                space()
            elif at < len(text) and text[at] != "}":
                raise fail("a comma or a closing brace")
        if at >= len(text):
            raise fail("a closing brace")
        at += 1
        space()
    if at < len(text):
        raise fail("the end")
    if name is None and not any(m.op in ("=", "=~") and not m("") for m in matchers):
        raise Invalid("the selector must name something", field="match", got=text, expected='name{label="value"}')
    return Selector(name, tuple(matchers))


_PATTERN = 512  # characters
_REPEATS = 3  # of any length, one after the other


def check_regex(pattern: str) -> None:
    """Refuse what does not compile, and what could backtrack for long (Python's engine holds the whole process
    meanwhile): a repeated group in which anything varies, more than `_REPEATS` repetitions in a row, look-around and
    back references (which Prometheus' own engine lacks too)."""
    if len(pattern) > _PATTERN or not _is_tame(pattern):
        raise Invalid(
            "the regular expression is too long or could take too long", field="match", got=pattern,
            expected=f"at most {_PATTERN} characters and {_REPEATS} repetitions, none within another",
        )  # fmt: skip
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise Invalid(f"not a regular expression: {error}", field="match", got=pattern) from error


_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\((?:\?(?::|i\)|P<\w+>))?)|(?P<strange>\(\?)"
    r"|(?P<close>\))|(?P<repeat>[*+?]|\{\d*,?\d*\})|(?P<or>\|)|.",
    re.S,
)


def _is_tame(pattern: str) -> bool:
    # A level is [repetitions of this alternative, the most of the alternatives before, whether anything varies].
    levels = [[0, 0, 0]]
    closed: list[int] | None = None  # the group that has just ended
    for token in _TOKEN.finditer(pattern):
        group, closed = closed, None
        level = levels[-1]
        match token.lastgroup:
            case "escaped" if token["escaped"] in "123456789":
                return False
            case "open" if token[0] == "(?i)":
                pass
            case "open" if token.end() < len(pattern) and pattern[token.end()] == "?":
                return False
            case "open":
                levels.append([0, 0, 0])
            case "close" if len(levels) > 1:
                closed = levels.pop()
                levels[-1][0] += max(closed[0], closed[1])
                levels[-1][2] |= closed[2]
            case "repeat":
                if group is not None and group[2] and token[0] != "?":
                    return False
                level[0] += token[0] != "?"
                level[2] = 1
            case "or":
                level[:] = [0, max(level[0], level[1]), 1]
            case "strange":
                return False
        if max(level[0], level[1]) > _REPEATS:
            return False
    return True
