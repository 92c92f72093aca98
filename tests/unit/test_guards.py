"""Guards of a route: what is found in requests and answers, and what is done then."""

import asyncio
import base64
import json
import subprocess
import sys
import zlib

import pytest

from triops.kernel.completion import Chat, Choice, Delta, Embed, Message, Part, Reply
from triops.kernel.document import Document
from triops.kernel.errors import GuardBlocked, Invalid
from triops.lenses.llmops.guards import Guarding, Redactor
from triops.lenses.llmops.guards.kind import guard_kind
from triops.lenses.llmops.guards.secrets import secrets_in
from triops.lenses.llmops.guards.warming import looks_for_names
from triops.loop.documents import Kinds

PII = {"pii": {"types": ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD"], "action": "redact"}}
BODY = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0"  # 30 characters of no key


def said(*texts: str) -> Chat:
    return Chat(tuple(Message("user", (Part("text", text),)) for text in texts))


def text_of(deltas: list[Delta], kind: str = "text") -> str:
    return "".join(delta.text for delta in deltas if delta.kind == kind)


def github(body: str) -> str:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        tail = letters[digit] + tail
    return f"ghp_{body}{tail}"


def jwt() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': '1', 'name': 'x'})}.{BODY}"


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("the id is " + "AKIA" + "IOSFODNN7EXAMPLE", "AWS_ACCESS_KEY"),
        (f"push with {github(BODY)} please", "GITHUB_TOKEN"),
        (f"push with {github('a' * 30)} please", "GITHUB_TOKEN"),  # by its checksum alone
        ("xox" + "b-123456789012-" + BODY, "SLACK_TOKEN"),
        ("key: sk_" + "live_" + BODY, "STRIPE_KEY"),
        ("sk-proj-" + BODY + BODY, "OPENAI_KEY"),
        ("sk-ant-api03-" + BODY, "ANTHROPIC_KEY"),
        ("AIza" + BODY + "dE6gH", "GOOGLE_KEY"),
        (jwt(), "JWT"),
        ("postgres://admin:s3cr3tpw@db.internal/app", "URL_CREDENTIALS"),
        ("DB_PASSWORD=Tr0ub4dor&3", "ASSIGNED_SECRET"),
        ('"api_key": "9f8e7d6c5b4a39281706"', "ASSIGNED_SECRET"),
        ("my password is hunter2-Blue!", "ASSIGNED_SECRET"),
        ("Authorization: Bearer " + BODY, "BEARER_TOKEN"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB\nabc+/=\n-----END RSA PRIVATE KEY-----", "PRIVATE_KEY"),
    ],
)
def test_secrets_are_found(text: str, type_: str) -> None:
    assert [span.type for span in secrets_in(text)] == [type_]


@pytest.mark.parametrize(
    "text",
    [
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 by uuid 123e4567-e89b-12d3-a456-426614174000",
        "password = os.environ['DB_PASSWORD']; token = get_token(request)",
        "password: str = field(default=None)",
        "api_key: ${OPENAI_API_KEY}",
        "the .sk-navigation-header-large-wide class",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "eyJhb is not a token, and neither is eyJub3Q.eyJub3Q.eyJub3Q",
        "password = b64decode(value)",
        "The secret is patience; the token is returned.",
    ],
)
def test_ordinary_text_has_no_secrets(text: str) -> None:
    assert secrets_in(text) == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail ann.lee@example.org now", "mail [EMAIL_ADDRESS] now"),
        ("card 4111 1111 1111 1111 please", "card [CREDIT_CARD] please"),
        ("order 4111 1111 1111 1112 please", "order 4111 1111 1111 1112 please"),
        ("to GB82 WEST 1234 5698 7654 32 today", "to [IBAN_CODE] today"),
        ("to GB82 WEST 1234 5698 7654 33 today", "to GB82 WEST 1234 5698 7654 33 today"),
        ("ssn 536-22-8714.", "ssn [US_SSN]."),
        ("part 666-22-8714.", "part 666-22-8714."),
        ("call +44 20 7946 0958 or (555) 010-9999", "call [PHONE_NUMBER] or [PHONE_NUMBER]"),
        ("host 192.168.10.254, not 999.1.1.1", "host [IP_ADDRESS], not 999.1.1.1"),
        ("at 2001:db8::8a2e:370:7334 there", "at [IP_ADDRESS] there"),
        ("see https://shop.example.com/a?b=1.", "see [DOMAIN_NAME]."),
        ("born 1984-05-06, or May 6, 1984", "born [DATE_TIME], or [DATE_TIME]"),
        ("driver's license D123-4567-8901 was lost", "driver's license [US_DRIVER_LICENSE] was lost"),
        ("version 10.4.2 of 1,000,000 rows took 0.25 s at 12:30", None),
        ("for i in range(1024): x[i] = 3.14159 * 2718281828", None),
    ],
)
def test_redaction(text: str, redacted: str | None) -> None:
    types = ["EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "PHONE_NUMBER", "IP_ADDRESS", "DOMAIN_NAME"]
    redact = Redactor([*types, "DATE_TIME", "US_DRIVER_LICENSE"])
    assert redact(text) == (text if redacted is None else redacted)


def test_input_is_redacted_wherever_it_stands() -> None:
    call = Part("tool_call", '{"to": "bob@example.com", "card": 4111111111111111}', id="1", name="send")
    result = Part("tool_result", id="1", parts=(Part("text", "sent to bob@example.com"),))
    chat = Chat((Message("assistant", (call,)), Message("tool", (result,)), *said("hello").messages))
    verdict = Guarding({"g": PII}).input(chat)
    first, second, third = verdict.content.messages
    assert json.loads(first.parts[0].text) == {"to": "[EMAIL_ADDRESS]", "card": "[CREDIT_CARD]"}
    assert second.parts[0].parts[0].text == "sent to [EMAIL_ADDRESS]"
    assert third is chat.messages[2]
    assert {(f.type, f.rule, f.action, f.count) for f in verdict.findings} == {
        ("EMAIL_ADDRESS", "g.pii", "redact", 2),
        ("CREDIT_CARD", "g.pii", "redact", 1),
    }
    assert "example.com" not in repr(verdict.findings)


def test_what_is_clean_is_the_very_object() -> None:
    chat = said("nothing to see")
    verdict = Guarding({"g": PII}).input(chat)
    assert verdict.content is chat
    assert verdict.findings == ()


def test_blocking_names_the_rule_and_not_the_text() -> None:
    verdict = Guarding({"strict": {"secrets": {"action": "block"}}}).input(said("AKIA" + "IOSFODNN7EXAMPLE"))
    assert verdict.blocked is not None
    assert (verdict.blocked.rule, verdict.blocked.type) == ("strict.secrets", "AWS_ACCESS_KEY")
    guard = Guarding({"strict": {"secrets": {"action": "block"}}}).stream()
    guard.feed([Delta("text", text="the key is AKIA")])
    with pytest.raises(GuardBlocked) as caught:
        guard.feed([Delta("text", text="IOSFODNN7EXAMPLE and so on"), Delta("finish")])
    assert caught.value.status == 400
    assert caught.value.kind == "guard_blocked"
    assert caught.value.findings[0]["rule"] == "strict.secrets"
    assert "IOSF" not in str(caught.value.details) + str(caught.value)


def test_the_strictest_of_several_guards_acts() -> None:
    specs = {"a": {"pii": {"types": ["EMAIL_ADDRESS"], "action": "flag"}}, "b": PII}
    verdict = Guarding(specs).input(said("ann@example.org"))
    assert verdict.content.messages[0].text == "[EMAIL_ADDRESS]"
    assert [finding.rule for finding in verdict.findings] == ["b.pii"]


def test_flags_hold_nothing_back() -> None:
    guard = Guarding({"g": {"pii": {"types": ["EMAIL_ADDRESS"], "action": "flag"}}}).stream()
    out, findings = guard.feed([Delta("text", text="to ann@ex")])
    assert text_of(out) == "to ann@ex"
    more, later = guard.feed([Delta("text", text="ample.org"), Delta("finish")])
    assert text_of(more) == "ample.org"
    assert [(f.type, f.action) for f in (*findings, *later)] == [("EMAIL_ADDRESS", "flag")]


def test_stream_redacts_what_is_split_and_keeps_order() -> None:
    guard = Guarding({"g": PII}).stream()
    deltas = [
        Delta("start", id="x", model="m"),
        *(Delta("text", text=char) for char in "write to ann@example.org today, it is urgent"),
        Delta("tool", part=0, id="c", name="send"),
        *(Delta("arguments", part=0, text=char) for char in '{"to":"ann@example.org","n":5}'),
        Delta("finish", finish="tool_calls"),
    ]
    out = [delta for given in deltas for delta in guard.feed([given])[0]] + guard.end()[0]
    kinds = list(dict.fromkeys(delta.kind for delta in out))
    assert kinds == ["start", "text", "tool", "arguments", "finish"]
    assert text_of(out) == "write to [EMAIL_ADDRESS] today, it is urgent"
    assert text_of(out, "arguments") == '{"to":"[EMAIL_ADDRESS]","n":5}'


def test_stream_lets_go_what_is_decided() -> None:
    guard = Guarding({"g": PII}).stream()
    held = longest = 0
    for _ in range(200):
        out, _found = guard.feed([Delta("text", text="word "), Delta("text", text="x@y ")])
        held += 9 - len(text_of(out))
        longest = max(longest, held)
    assert longest <= 256


@pytest.mark.parametrize("secret", [jwt() + "a" * 600, "-----BEGIN PRIVATE KEY-----\n" + (BODY + "\n") * 40])
def test_a_secret_longer_than_the_look_ahead_is_replaced_whole(secret: str) -> None:
    guard = Guarding({"g": {"secrets": {"action": "redact"}}}).stream()
    out = []
    for at in range(0, len(secret), 7):
        out += guard.feed([Delta("text", text=secret[at : at + 7])])[0]
    out += guard.end()[0]
    assert text_of(out).count("[") == 1
    assert len(text_of(out)) < 20


def test_topics_are_words_with_any_case_and_ending() -> None:
    guards = Guarding({"g": {"topics": {"deny": ["acquisition of *corp", "layoff*"], "action": "redact"}}})
    verdict = guards.input(said("The Acquisition  of MegaCorp means LAYOFFS. A playoff is fine."))
    assert verdict.content.messages[0].text == "The [TOPIC] means [TOPIC]. A playoff is fine."
    stream = guards.stream()
    out = [d for c in "an acquisition of megacorp, then" for d in stream.feed([Delta("text", text=c)])[0]]
    assert text_of(out + stream.end()[0]) == "an [TOPIC], then"


def test_a_phrase_whose_stars_would_take_for_ever_is_refused() -> None:
    with pytest.raises(Invalid, match="too many"):
        Guarding({"g": {"topics": {"deny": ["a*a*a*a*a*a*a*a*b"]}}})
    guards = Guarding({"g": {"topics": {"deny": ["**a***a"], "action": "flag"}}})
    assert guards.input(said("xaya")).findings


def test_size() -> None:
    guards = Guarding({"g": {"size": {"max_chars": 10}}})
    assert guards.input(said("short")).blocked is None
    assert guards.input(said("longer than", "ten")).blocked is not None
    assert guards.input(Embed(("longer than ten",))).blocked is not None
    stream = guards.stream()
    assert text_of(stream.feed([Delta("text", text="0123456789")])[0]) == "0123456789"
    with pytest.raises(GuardBlocked):
        stream.feed([Delta("text", text="x")])


def test_reply_loses_logprobs_of_what_was_replaced() -> None:
    parts = (Part("text", "ann@example.org"),)
    reply = Reply(
        "1", "m", (Choice(0, parts, logprobs=[{"token": "ann"}]), Choice(1, (Part("text", "ok"),), logprobs=[1]))
    )
    verdict = Guarding({"g": PII}).output(reply)
    assert verdict.content.choices[0].logprobs is None
    assert verdict.content.choices[1] is reply.choices[1]
    stream = Guarding({"g": PII}).stream()
    assert stream.feed([Delta("logprobs", logprobs=[{"token": "ann"}])])[0] == []


async def test_long_input_lets_others_run() -> None:
    text = "some words and ann@example.org again " * 4000
    guards, turns = Guarding({"g": PII}), 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    verdict = await guards.input_in_turns(said(text))
    task.cancel()
    assert turns > 20
    assert verdict.findings[0].count == 4000
    assert verdict.content.messages[0].text == text.replace("ann@example.org", "[EMAIL_ADDRESS]")


async def test_many_short_texts_let_others_run_whoever_says_them() -> None:
    parts = tuple(Part("text", f"by ann@example.org {i}") for i in range(100))
    guards, turns = Guarding({"g": PII}), []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for judged in (
        guards.input_in_turns(Chat((Message("user", parts),))),
        guards.output_in_turns(Reply("r", "m", (Choice(0, parts),))),
    ):
        turns.clear()
        assert (await judged).findings[0].count == 100
        assert len(turns) >= 10
    task.cancel()


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec"),
        ({"pii": {"types": ["NO_SUCH"]}}, "spec.pii.types[0]"),
        ({"topics": {"deny": ["!!!"]}}, "topics.deny[0]"),
        ({"size": {"action": "block"}}, "spec.size"),
    ],
)
def test_a_document_that_says_nonsense_is_refused(spec: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        Kinds([guard_kind()]).validate("Guard", "g", spec)
    assert caught.value.details["field"] == field


def test_a_document_is_taken() -> None:
    assert isinstance(Kinds([guard_kind()]).validate("Guard", "g", {"on": ["input"], **PII}), Document)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("My name is Katarzyna Wójcik and I live in Poznań.", "My name is [PERSON] and I live in [GPE]."),
        ("Ask Dr. Okonkwo at Halvorsen Shipping Ltd about it.", "Ask [TITLE] [PERSON] at [ORGANIZATION] about it."),
        ("Please send it to 48 Rue Lamartine, 69003 Lyon, France.", "Please send it to [STREET_ADDRESS]."),
        ("Could you make it out to Mrs. Annika Lindholm?", "Could you make it out to [TITLE] [PERSON]?"),
        ("She turned 34 last week.", "She turned [AGE] last week."),
        ("Won't you come, Ruth?", "Won't you come, [PERSON]?"),
    ],
)
def test_names_are_found_in_their_context(text: str, redacted: str) -> None:
    assert Redactor([], secrets=False)(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Could you explain how garbage collection works, and when I should worry about it?",
        "def total(items: list[int]) -> int:\n    return sum(item * 2 for item in items if item > 10)\n",
        "Please type your order number.\n7789120\nThanks, it will arrive in the afternoon.",
        "The function returns the number of rows that match the filter, or zero when there are none.",
        '{"status": "shipped", "items": [1, 2, 3], "total": 1499, "currency": "EUR"}',
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor([])(text) == text


def test_what_needs_no_names_loads_no_model() -> None:
    program = (
        "import sys; from triops.lenses.llmops.guards import Guarding\n"
        "Guarding({'g': {'pii': {'types': ['EMAIL_ADDRESS', 'CREDIT_CARD']}, 'secrets': {}}})\n"
        "heavy = {'numpy', 'jsonschema', 'sqlalchemy', 'pydantic', 'duckdb', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_only_a_guard_that_looks_for_names_needs_the_model() -> None:
    assert looks_for_names([{"secrets": {}}, {"pii": {"types": []}}])
    assert looks_for_names([{"pii": {"types": ["PERSON"]}}])
    assert not looks_for_names([{"secrets": {}}, {"pii": {"types": ["EMAIL_ADDRESS"]}}])
