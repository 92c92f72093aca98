"""THE list of extension points. Built-ins go through the same ones (`app.py` registers them).

Detector: looks at new windows of signals and claims anomalies.
Actuator (`actuators.py`): a new kind of effect.    Notifier (`notifiers.py`): a new voice.
Two more are no protocols of the world but values of the loop, which may not be imported from here: a kind of document
(`loop/documents.py`, Kind) and background work (`loop/jobs.py`, Job). Stores are ports of their own beside this file.
"""

from collections.abc import Sequence
from typing import Protocol

from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import ProjectId
from triops.ports.actuators import Actuator as Actuator
from triops.ports.notifiers import Notifier as Notifier


class Detector(Protocol):
    """One detector over all series of a project at once (state in arrays, never a Python loop over series).

    `tick` is called about every `every_s` with the time; it reads what is new from the ports it was constructed with,
    and answers the claims that began, go on, or ended since the last tick. The same tick twice claims nothing new.
    State lives in memory and may be lost: it must learn again without claiming.
    A detector may also have `status(project, now)`: a mapping with `series`, `learning` (how many still learn) and
    `ready_at` (unix seconds when they will be judged, or None), shown beside its counters.
    """

    name: str
    every_s: float

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]: ...
