"""Langfuse's clients send HTTP Basic: a public key, which says nothing here, and a secret key: a Triops API key."""

from base64 import b64decode
from collections.abc import Mapping

from triops.kernel.tenant import Principal, Right
from triops.web.access import Authenticate


def basic(authenticate: Authenticate) -> Authenticate:
    """`authenticate`, that takes Basic's password as a bearer's key too."""

    async def who(headers: Mapping[str, str], right: Right) -> Principal:
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                password = b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            except ValueError:
                password = ""
            headers = {**headers, "authorization": f"Bearer {password}"}
        return await authenticate(headers, right)

    return who
