"""Whatever is written, in whatever pieces, comes out once and in order."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from triops.lenses.aiops.host.follow import LogFollower

_LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1, max_size=40)
_STEP = st.one_of(
    st.tuples(st.just("write"), st.text(st.sampled_from("abc\n"), max_size=30)),
    st.tuples(st.just("poll"), st.just("")),
    st.tuples(st.just("fail"), st.just("")),
    st.tuples(st.just("rotate"), st.just("")),
    st.tuples(st.just("restart"), st.just("")),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEP, max_size=25))
def test_every_line_once_and_in_order(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, positions = Path(folder, "app.log"), Path(folder, "positions.json")
        path.write_text("begin\n")
        follower = LogFollower((str(path),), positions)
        follower.poll(0.0)
        follower.commit()
        written, got, generation = "", "", 0

        def drain() -> None:
            nonlocal got
            batch = follower.poll(0.0)
            follower.commit()
            got += "".join(body + "\n" for body in batch.body)

        for what, text in steps:
            if what == "write":
                with path.open("a") as file:
                    file.write(text)
                written += text
            elif what == "poll":
                drain()
            elif what == "fail":
                follower.poll(0.0)  # could not be delivered
            elif what == "restart":
                follower = LogFollower((str(path),), positions)
            else:
                drain()  # one rotation between two polls is what can be followed
                generation += 1
                path.rename(Path(folder, f"app.log.{generation}"))
                path.write_text("")
                written += "" if written.endswith("\n") or not written else "\n"
        drain()
        whole = written[: written.rfind("\n") + 1]
        assert [line for line in got.split("\n") if line] == [line for line in whole.split("\n") if line]


@settings(max_examples=50, deadline=None)
@given(st.lists(_LINE, max_size=20))
def test_any_text(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "app.log")
        follower = LogFollower((str(path),))
        follower.poll(0.0)
        path.write_text("".join(line + "\n" for line in lines), "utf-8")
        assert list(follower.poll(0.0).body) == lines
