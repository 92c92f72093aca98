"""A support assistant: an unmodified `openai` client that knows nothing of Triops but `OPENAI_BASE_URL` and its key.

`python -m triops.demo.assistant.assistant FOLDER`: two customers at a time ask, wait for the answer, think, ask again.
What came of it is counted in `FOLDER/assistant.json`, so that the story can tell whether any customer was failed.
"""

import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import openai

MODEL = "assistant"
PROMPT = "support"
CUSTOMERS = 2
THINK_S = 0.6
QUESTIONS = (
    "Where is my order {n}?",
    "How do I return the lamp from order {n}?",
    "Do you ship to Norway? My order is {n}.",
    "My parcel {n} is damaged, what now?",
    "How long is the warranty on order {n}?",
    "Can I change the address of order {n}?",
    "Order {n} has the wrong bulb.",
    "May I pay order {n} by invoice?",
    "Is the desk lamp of order {n} dimmable?",
    "Please cancel order {n}.",
)


@dataclass
class Counted:
    """`failed`: questions that got no answer. `seconds`, `tokens`: of the last answers."""

    answered: int = 0
    failed: int = 0
    last_error: str = ""
    seconds: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)


def main(folder: Path) -> None:
    client = openai.OpenAI(max_retries=0, timeout=60.0)
    counted, turn = Counted(), threading.Lock()

    def serve(customer: int) -> None:
        random_ = random.Random(customer)
        while True:
            question = random_.choice(QUESTIONS).format(n=random_.randint(1000, 9999))
            begun = time.monotonic()
            try:
                tokens, error = ask(client, question, f"customer-{random_.randint(1, 40)}"), ""
            except openai.OpenAIError as fault:
                tokens, error = 0, f"{type(fault).__name__}: {fault}"[:300]
            with turn:
                if error:
                    counted.failed += 1
                    counted.last_error = error
                else:
                    counted.answered += 1
                    counted.seconds = [*counted.seconds[-19:], round(time.monotonic() - begun, 3)]
                    counted.tokens = [*counted.tokens[-19:], tokens]
                write(folder / "assistant.json", counted)
            time.sleep(random_.uniform(0.5, 1.5) * THINK_S)

    for customer in range(CUSTOMERS):
        threading.Thread(target=serve, args=(customer,), daemon=True).start()
    threading.Event().wait()


def ask(client: openai.OpenAI, question: str, user: str) -> int:
    """The tokens of a whole answer. (A streamed one whose provider dies after its first word cannot be saved.)"""
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": question}],
        user=user,
        extra_body={"prompt": {"name": PROMPT, "label": "production", "variables": {"shop": "Lumen"}}},
    )
    return answer.usage.completion_tokens if answer.usage else 0


def write(path: Path, counted: Counted) -> None:
    """Whole or not at all: the story reads it at any time."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(counted)), "utf-8")
    beside.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
