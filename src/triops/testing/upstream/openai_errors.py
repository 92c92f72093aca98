"""OpenAI's errors, in the words it publishes."""

import json

_WORDS = {
    400: ("We could not parse the JSON body of your request.", "invalid_request_error", None),
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("You are not allowed to sample from this model.", "invalid_request_error", "model_not_allowed"),
    404: ("The model does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}


def refusal(status: int, message: str, param: str | None) -> bytes:
    words, kind, code = _WORDS.get(status, _WORDS[500 if status >= 500 else 400])
    error = {"message": message or words, "type": kind, "param": param, "code": code}
    return json.dumps({"error": error}).encode()
