"""One attempt to hand a notice over: a POST of JSON, bounded, answered in words."""

from collections.abc import Mapping

from yarl import URL

from triops.adapters.http_exchange import ExchangeFailed, exchange

_LIMIT_S = 10.0


async def post_json(
    url: URL, body: bytes, headers: Mapping[str, str], *, allow_private: bool, receiver: str
) -> str | None:
    """None when the receiver took it (2xx), else why not, in one line without secrets."""
    headers = {"Content-Type": "application/json", **headers}
    try:
        reply = await exchange("POST", url, body=body, headers=headers, timeout_s=_LIMIT_S, allow_private=allow_private)
    except ExchangeFailed as error:
        return str(error)
    return None if 200 <= reply.status < 300 else f"{receiver} answered {reply.status}"
