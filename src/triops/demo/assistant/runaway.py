"""A client that went wild: it asks without a pause until it is stopped, and tells what stopped it as one line of JSON.
`python -m triops.demo.assistant.runaway`, with `OPENAI_BASE_URL` and a key of its own."""

import json

import openai

MOST = 400


def main() -> None:
    client = openai.OpenAI(max_retries=0, timeout=60.0)
    answered, stopped = 0, {}
    for _ in range(MOST):
        try:
            client.chat.completions.create(
                model="assistant", messages=[{"role": "user", "content": "Tell me more."}], max_tokens=16
            )
            answered += 1
        except openai.RateLimitError as error:
            body = error.body if isinstance(error.body, dict) else {}
            stopped = {"status": error.status_code, "type": body.get("type"), "message": body.get("message")}
            break
    print(json.dumps({"answered": answered, "stopped": stopped}), flush=True)


if __name__ == "__main__":
    main()
