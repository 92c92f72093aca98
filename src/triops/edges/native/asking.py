"""What every call asks alike: who, which window of time, which page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.services import Services
from triops.kernel.clock import NS, parse_time
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Principal, Right

JSON = dict[str, Any]
HOUR_S = 3600.0


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def right(needed: Right) -> Callable[[Request], Awaitable[Principal]]:
    async def principal(request: Request) -> Principal:
        return await services_of(request).auth.require(request.headers, needed)

    return principal


S = Annotated[Services, Depends(services_of)]
Reader = Annotated[Principal, Depends(right(Right.READ))]
Sender = Annotated[Principal, Depends(right(Right.SEND))]
Writer = Annotated[Principal, Depends(right(Right.WRITE))]
Admin = Annotated[Principal, Depends(right(Right.ADMINISTER))]

Limit = Annotated[int, Query(ge=1, le=1000, description="rows of one page")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before")]
Text = Annotated[str, Query(max_length=500)]
Why = Annotated[str, Field(max_length=2000, description="for the history, the time line and the audit trail")]
TimeText = Annotated[str, Query(max_length=64, description="unix seconds, RFC 3339, `now`, or relative: `-15m`, `-2h`")]


class Reason(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: Why = ""


def said_why(body: Reason | None) -> dict[str, str]:
    """What the audit keeps of a reason: nothing where none was given."""
    return {"why": body.why} if body is not None and body.why else {}


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in unix seconds."""

    start: float
    end: float

    @property
    def start_ns(self) -> int:
        return int(self.start * NS)

    @property
    def end_ns(self) -> int:
        return int(self.end * NS)

    def step_ns(self, step: str, steps: int = 120) -> int:
        """A step in seconds (`15`, `15s`, `1m`), or a round one that cuts the window into about `steps`.

        Raises: Invalid when it is not a duration, or cuts the window into more than 11,000 (Prometheus' bound).
        """
        if step:
            seconds = duration_s(step, field="step")
            if (self.end - self.start) / seconds > 11_000:
                raise Invalid("too many steps", field="step", got=step, expected="at most 11,000 in the window")
            return int(seconds * NS)
        wanted = (self.end - self.start) / steps
        return next((s for s in _ROUND if s >= wanted), 86_400) * NS


_ROUND = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def duration_s(text: str, *, field: str) -> float:
    number, unit = text.strip(), 1.0
    for suffix, factor in _UNITS.items():
        if number.endswith(suffix) and number[: -len(suffix)].replace(".", "", 1).isdigit():
            number, unit = number[: -len(suffix)], factor
            break
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0.001 <= seconds <= 366 * 86_400:
        raise Invalid("not a duration", field=field, got=text, expected="seconds, or 15s, 1m, 2h")
    return seconds


def _window(default_s: float) -> Callable[..., Window]:
    def window(request: Request, start: TimeText = "", end: TimeText = "") -> Window:
        now = services_of(request).clock.now()
        # "Until now" takes in what arrives with a clock that runs a little ahead.
        until = parse_time(end, field="end", now_s=now) if end else now + 5.0
        since = parse_time(start, field="start", now_s=now) if start else until - default_s
        if since >= until:
            raise Invalid("start is not before end", field="start", got=start, expected="a time before end")
        return Window(max(since, 0.0), until)

    return window


LastHour = Annotated[Window, Depends(_window(HOUR_S))]
LastDay = Annotated[Window, Depends(_window(24 * HOUR_S))]
Ever = Annotated[Window, Depends(_window(366 * 24 * HOUR_S))]
