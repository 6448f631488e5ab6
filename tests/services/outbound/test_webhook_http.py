"""Allowed webhook addresses and signatures: the parts of a webhook without database access."""

import base64
import http.client
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from models.core.timing import Timing
from services.core.errors import ValidationFailed
from services.outbound.webhook_http import (
    DeliveryError,
    check_webhook_url,
    encode_webhook_secret,
    is_allowed_address,
    post_delivery,
    resolve_host,
    sign_webhook,
)
from tests.services.webhook_receiver import webhook_target

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def test_the_signature_is_the_standard_s() -> None:
    """The example of standardwebhooks.com."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert encode_webhook_secret(secret) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_an_answer_that_drips_is_cut_off() -> None:
    timing = Timing(webhook_total_seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(DeliveryError, match="within"):
            post_delivery(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"{}", LOOPBACK, timing)
        stop.set()
        thread.join()


def test_of_several_addresses_of_a_name_one_private_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, 1, 6, "", (address, 80)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answers)
    with pytest.raises(DeliveryError, match=r"10\.0\.0\.1"):
        resolve_host("both.example.org", 80, ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::a00:1",
        "64:ff9b:1:ffff::8.8.8.8",
        "::ffff:0:10.0.0.1",
        "::10.0.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
        "100::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_a_private_address_is_private_in_every_dress(address: str) -> None:
    assert not is_allowed_address(ipaddress.ip_address(address), ())
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    assert is_allowed_address(ipaddress.ip_address(address), everything)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed_address(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "https:///path",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://exämple.org/",
        "https://example.org/a b",
        "https://example.org/\r\nX: y",
        "https://example.org/#fragment",
        "http://127.0.0.1/",
        "http://[::1]/",
        "https://example.org/" + "x" * 3000,
    ],
)
def test_an_address_that_no_webhook_may_have_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValidationFailed):
        check_webhook_url(url, ())


@pytest.mark.parametrize("has_port", [True, False])
def test_an_ipv6_address_is_reached_with_and_without_a_port(monkeypatch: pytest.MonkeyPatch, *, has_port: bool) -> None:
    with webhook_target(host="::1") as target:
        monkeypatch.setattr(http.client.HTTPConnection, "default_port", target.port)
        assert post_delivery(target.url("[::1]") if has_port else "http://[::1]/", {}, b"{}", LOOPBACK, Timing()) == 204
        assert target.heard[0].headers["host"] == "[::1]"


@pytest.mark.parametrize("url", ["http://[fc00::beef]/", "http://[fc00::1]/", "http://[fc00::1]:8080/"])
def test_a_private_ipv6_address_is_a_delivery_that_did_not_arrive(url: str) -> None:
    with pytest.raises(DeliveryError, match="private"):
        post_delivery(url, {}, b"{}", LOOPBACK, Timing())


def test_over_tls_the_certificate_must_be_the_name_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(certificate)
    with webhook_target(certificate) as target:
        assert post_delivery(target.url("localhost"), {}, b"{}", LOOPBACK, Timing()) == 204
        with pytest.raises(DeliveryError, match="certificate"):
            post_delivery(target.url("127.0.0.1"), {}, b"{}", LOOPBACK, Timing())
