"""Jinja2 templates that strangers wrote, rendered within bounds.

Jinja2's own sandbox keeps templates from Python's insides, not from the processor: loops within loops and doubled texts
would stop whoever renders. So a template may hold only what is listed here (no macros, imports, includes or calls but
of the methods below), its loops, texts and output are counted, and a deadline ends what still takes too long.
jinja2 is imported when the first such template is compiled.
"""

import json
import operator
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from triops.kernel.errors import Invalid

if TYPE_CHECKING:
    from jinja2.environment import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

LOOPS: Final = 100_000  # turns of all loops of a rendering
CHARACTERS: Final = 1_000_000  # of one text, and of the whole output
DEADLINE_S: Final = 0.1  # of a processor, since who renders may have others waiting
_TURNS: Final = 16  # between two looks at the clock
_BUDGET: Final = "__budget__"
_COUNTED: Final = "__counted__"
_JOINED: Final = "__joined__"

_NODES: Final = frozenset({
    "Template", "Output", "TemplateData", "Name", "Const", "Getattr", "Getitem", "Filter", "Test", "If", "For",
    "Assign", "CondExpr", "Compare", "Operand", "And", "Or", "Not", "Concat", "Add", "Sub", "Mul", "Div", "FloorDiv",
    "Mod", "Neg", "Pos", "List", "Tuple", "Dict", "Pair", "Keyword", "Slice", "Call", "With",
})  # fmt: skip
_FILTERS: Final = frozenset({
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "join", "last", "length",
    "list", "lower", "max", "min", "replace", "reverse", "round", "sort", "string", "title", "tojson", "trim",
    "truncate", "unique", "upper", "wordcount",
})  # fmt: skip
_TESTS: Final = frozenset({
    "boolean", "defined", "divisibleby", "eq", "even", "false", "float", "ge", "gt", "in", "integer", "iterable", "le",
    "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined", "upper",
})  # fmt: skip
_METHODS: Final = frozenset({
    "items", "keys", "values", "get", "upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip",
    "startswith", "endswith", "split", "cycle",
})  # fmt: skip
_MOST_NODES: Final = 10_000
_MOST_DEPTH: Final = 12
_LITERALS: Final = ("List", "Tuple", "Dict")


class Budget:
    """What one rendering may still use."""

    __slots__ = ("characters", "loops", "until")

    def __init__(self) -> None:
        self.loops = LOOPS
        self.characters = CHARACTERS * 4
        self.until = time.thread_time() + DEADLINE_S

    def turn(self) -> None:
        self.loops -= 1
        if self.loops < 0:
            raise Invalid("the template loops too long", field="template", expected=f"at most {LOOPS} turns")
        if self.loops % _TURNS == 0:
            self.check()

    def text(self, size: int) -> None:
        self.characters -= size
        if size > CHARACTERS or self.characters < 0:
            raise Invalid("the template makes too much text", field="template", expected=f"≤ {CHARACTERS} characters")
        self.check()

    def check(self) -> None:
        if time.thread_time() > self.until:
            raise Invalid(
                "the template takes too long", field="template", expected=f"at most {DEADLINE_S} s of a processor"
            )


class Jinja:
    """One compiled template. `names`: the variables that it reads."""

    def __init__(self, text: str, field: str) -> None:
        """Raises: Invalid that names what the template may not hold, with its line."""
        from jinja2 import TemplateError, meta

        environment = _environment()
        try:
            tree = environment.parse(text)
            _check(tree, field)
            self.names = frozenset(meta.find_undeclared_variables(tree)) - {"range"}
            _count(tree)
            code = environment.compile(tree)
            self._template: Template = environment.template_class.from_code(
                environment, code, environment.make_globals({"range": _range})
            )
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = f" (line {line})" if line else ""
            raise Invalid(f"not a Jinja2 template: {str(error.message or '')[:200]}{where}", field=field) from None
        except (RecursionError, MemoryError, OverflowError, ValueError, SyntaxError) as error:
            raise Invalid(f"not a Jinja2 template: {type(error).__name__}", field=field) from None

    def render(self, values: Mapping[str, Any]) -> str:
        """Raises: Invalid."""
        budget, made, size = Budget(), [], 0
        try:
            for piece in self._template.generate({**values, _BUDGET: budget}):
                size += len(piece)
                budget.text(size if size > CHARACTERS else len(piece))
                made.append(piece)
        except Invalid:
            raise
        except Exception as error:  # whatever a template does wrong with what it was given
            said = str(error)[:200] or type(error).__name__
            raise Invalid(f"the template fails: {said}", field="template") from None
        return "".join(made)


def _check(tree: Any, field: str) -> None:
    """Raises: Invalid for a node that is not listed."""
    from jinja2 import nodes

    found = [tree, *tree.find_all(nodes.Node)]
    if len(found) > _MOST_NODES or _depth(tree) > _MOST_DEPTH:
        raise Invalid("the Jinja2 template is too large", field=field, expected=f"{_MOST_DEPTH} blocks deep at most")
    for node in found:
        kind = type(node).__name__
        if kind not in _NODES:
            raise _refused(f"{kind.lower()} is not allowed", node, field)
        if isinstance(node, nodes.Name) and (node.name.startswith("__") or node.name in ("self", "super", "caller")):
            raise _refused(f"the name {node.name[:40]} is not allowed", node, field)
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise _refused(f"the filter {node.name[:40]} is not allowed", node, field, ", ".join(sorted(_FILTERS)))
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise _refused(f"the test {node.name[:40]} is not allowed", node, field, ", ".join(sorted(_TESTS)))
        if isinstance(node, nodes.For) and node.recursive:
            raise _refused("a recursive loop is not allowed", node, field)
        if isinstance(node, nodes.Call):
            called = node.node
            method = isinstance(called, nodes.Getattr) and called.attr in _METHODS
            if not method and not (isinstance(called, nodes.Name) and called.name == "range"):
                expected = "range, or a method: " + ", ".join(sorted(_METHODS))
                raise _refused("a call is not allowed", node, field, expected)
            if node.dyn_args is not None or node.dyn_kwargs is not None:
                raise _refused("* and ** are not allowed", node, field)
        made = kind in _LITERALS and getattr(node, "ctx", "load") == "load"
        if made and node.find(nodes.Name) is not None:  # it could hold itself doubled, and that again, without end
            raise _refused("a list or dict of variables is not allowed", node, field, "plain values in it")


def _depth(node: Any) -> int:
    from jinja2 import nodes

    inner = max((_depth(child) for child in node.iter_child_nodes()), default=0)
    return inner + isinstance(node, nodes.For | nodes.If | nodes.With)


def _refused(said: str, node: Any, field: str, expected: str | None = None) -> Invalid:
    return Invalid(f"{said} in a prompt's Jinja2 template (line {node.lineno})", field=field, expected=expected)


def _count(tree: Any) -> None:
    """Loops take their turns from the budget, and `a ~ b` its characters."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
    for concat in list(tree.find_all(nodes.Concat)):
        parts = concat.nodes
        joined = nodes.Filter(parts[0], _JOINED, list(parts[1:]), [], None, None, lineno=concat.lineno)
        concat.nodes = [joined]
    tree.set_environment(_environment())


@cache
def _environment() -> "ImmutableSandboxedEnvironment":
    from jinja2 import pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            return _calculated(context[_BUDGET], operator, left, right)

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return not attr.startswith("_") and super().is_safe_attribute(obj, attr, value)

    environment = Environment(autoescape=False, keep_trailing_newline=True, cache_size=0, optimized=False)
    environment.globals.clear()

    @pass_context
    def counted(context: Any, value: Iterable[Any]) -> Iterator[Any]:
        budget: Budget = context[_BUDGET]
        for item in value:
            budget.turn()
            yield item

    @pass_context
    def joined(context: Any, *parts: Any) -> str:
        texts = [str(part) for part in parts]
        context[_BUDGET].text(sum(map(len, texts)))
        return "".join(texts)

    def bounded(inner: Callable[..., Any]) -> Callable[..., Any]:
        """A filter whose text counts."""

        @pass_context
        def outer(context: Any, *args: Any, **kwargs: Any) -> Any:
            made = inner(context[_BUDGET], *args, **kwargs)
            context[_BUDGET].text(len(made) if isinstance(made, str | list | tuple) else 1)
            return made

        return outer

    known = {name: filter for name, filter in environment.filters.items() if name in _FILTERS}
    plain = {name for name in known if not hasattr(known[name], "jinja_pass_arg")}
    environment.filters.clear()
    for name, filter in known.items():
        environment.filters[name] = bounded(_without_budget(filter)) if name in plain else filter
    environment.filters |= {
        _COUNTED: counted,
        _JOINED: joined,
        "join": bounded(_join),
        "replace": bounded(_replace),
        "tojson": bounded(lambda budget, value, indent=None: _json(value, indent)),
        "unique": bounded(lambda budget, value: list(dict.fromkeys(value))),
        "list": bounded(lambda budget, value: list(value)),
        "sort": bounded(lambda budget, value, reverse=False: sorted(value, reverse=reverse)),
        "reverse": bounded(lambda budget, value: value[::-1] if isinstance(value, str) else list(value)[::-1]),
        "max": bounded(lambda budget, value: max(value, default="")),
        "min": bounded(lambda budget, value: min(value, default="")),
        "first": bounded(lambda budget, value: next(iter(value), "")),
        "last": bounded(lambda budget, value: next(iter(list(value)[-1:]), "")),
        "wordcount": bounded(lambda budget, value: len(str(value).split())),
        "truncate": bounded(lambda budget, value, length=255: _cut(str(value), length)),
        "round": bounded(lambda budget, value, digits=0: round(value, min(int(digits), 20))),
    }
    return environment


def _without_budget(filter: Callable[..., Any]) -> Callable[..., Any]:
    return lambda budget, *args, **kwargs: filter(*args, **kwargs)


def _calculated(budget: Budget, sign: str, left: Any, right: Any) -> Any:
    texts = isinstance(left, str) and isinstance(right, str)
    if texts and sign == "+":
        budget.text(len(left) + len(right))
        return left + right
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise Invalid(f"{sign} works on numbers here", field="template", expected="two numbers; + and ~ join texts")
    made = _ARITHMETIC[sign](left, right)
    if isinstance(made, int) and made.bit_length() > 256:
        raise Invalid("a number out of range", field="template")
    return made


_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _range(*bounds: int) -> range:
    """Filters take a range as a whole: it must be one that a loop could end."""
    made = range(*bounds)
    if len(made) > LOOPS:
        raise Invalid("the range is too long", field="template", expected=f"at most {LOOPS} numbers")
    return made


def _join(budget: Budget, value: Iterable[Any], by: str = "", attribute: str | None = None) -> str:
    items = [item.get(attribute, "") if attribute and isinstance(item, Mapping) else item for item in value]
    texts = [str(item) for item in items]
    budget.text(sum(map(len, texts)) + len(by) * len(texts))
    return by.join(texts)


def _replace(budget: Budget, text: Any, old: str, new: str, count: int = -1) -> str:
    text = str(text)
    times = min(text.count(old), count if count >= 0 else len(text) + 1)
    budget.text(len(text) + max(0, len(new) - len(old)) * times)
    made: str = text.replace(old, new, count)
    return made


def _json(value: Any, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=min(indent, 8) if indent is not None else None)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(length - 3, 0)] + "..."
