import pytest

from triops.kernel.masking import is_secret, masked, masked_arguments, without


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWD", "client_secret", "Authorization", "X-Api-Key", "access_token", "token", "Cookie"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["secret_env", "max_tokens", "key", "passenger", "name", "compass_heading"])
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret(name)


def test_json_is_masked_at_any_depth() -> None:
    value = {"url": "u", "headers": {"Authorization": "Bearer x"}, "list": [{"token": ["a"]}], "password": ""}
    assert masked(value) == {
        "url": "u",
        "headers": {"Authorization": "***"},
        "list": [{"token": "***"}],
        "password": "",
    }


def test_arguments_and_known_secrets() -> None:
    argv = ["/bin/x", "--password", "hunter2", "--api-key=abc", "DB_SECRET=s", "--level", "3", "--token"]
    assert masked_arguments(argv) == [
        "/bin/x", "--password", "***", "--api-key=***", "DB_SECRET=***", "--level", "3", "--token",
    ]  # fmt: skip
    assert without("abcd and abc and ", ["abc", "abcd", ""]) == "*** and *** and "
