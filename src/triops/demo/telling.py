"""How the story is printed: one line a step, with the time since the demo began and since the step before."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from triops.demo.waiting import StoryError
from triops.sdk import ApiError, Unreachable


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    at: float  # seconds since the story began


@dataclass
class Teller:
    """Plain lines when the console is no terminal."""

    console: Console
    _began: float = field(default_factory=time.monotonic)
    _steps: list[Step] = field(default_factory=list)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def step(self, name: str, text: str, style: str = "bold") -> None:
        """A step of the story: it is timed and appears in the summary."""
        self._steps.append(Step(name, self.elapsed))
        self._line(name, text, style)

    def say(self, text: str, style: str = "") -> None:
        """A detail of the step before."""
        self.console.print(Text(" " * 26 + text, style=style))

    def line(self, name: str, text: str, style: str = "") -> None:
        """A line that is no step."""
        self._line(name, text, style)

    def blank(self, text: str = "") -> None:
        self.console.print(text, markup=False)

    def _line(self, name: str, text: str, style: str) -> None:
        line = Text()
        line.append(f"{self.elapsed:6.1f} s  ", style="dim")
        line.append(f"{name:<15}  ", style=style)
        line.append(text)
        self.console.print(line)

    def at(self, name: str) -> float | None:
        return next((step.at for step in self._steps if step.name == name), None)

    def summary(self, since: str) -> None:
        """Every step with its time, counted also from the step named `since`."""
        zero = self.at(since)
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        table.add_column("step")
        table.add_column("since the start", justify="right")
        table.add_column("since the step before", justify="right")
        table.add_column(f"since {since}", justify="right")
        before = 0.0
        for step in self._steps:
            from_fault = f"{step.at - zero:.1f} s" if zero is not None and step.at >= zero else ""
            table.add_row(step.name, f"{step.at:.1f} s", f"{step.at - before:.1f} s", from_fault)
            before = step.at
        self.blank()
        self.console.print(table)


def told(story: Callable[[Teller], None], *, last: str, once: bool, no_color: bool) -> int:
    """Tell a story; answers the exit status: 0 only when every step went as it must. `last`: the step after which a
    visitor may leave by Ctrl-C with nothing left undone."""
    teller = Teller(Console(highlight=False, soft_wrap=True, color_system=None if no_color else "auto"))
    try:
        story(teller)
        return 0
    except StoryError as error:
        teller.line("failed", str(error), "bold red")
        return 1
    except (ApiError, Unreachable, OSError) as error:
        teller.line("failed", f"{type(error).__name__}: {error}", "bold red")
        return 1
    except KeyboardInterrupt:
        teller.line("stopped", "everything is cleaned up")
        return 0 if not once and teller.at(last) is not None else 130
