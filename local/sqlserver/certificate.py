"""The server's TLS context: a self-signed certificate that is made once and kept."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID = datetime.timedelta(days=3650)
_NAME, _ADDRESS = "localhost", "127.0.0.1"


def make_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context for `localhost` and 127.0.0.1; clients have to trust the certificate.

    TLS ends at 1.2: the tickets that 1.3 sends after the handshake have no place in TDS 7.4, where
    handshake messages are wrapped in packets and later ones are not.

    Args:
        certificate: file that it is in, made unless it is there.
        key: file of its private key.
    """
    if not certificate.exists():
        _make(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _make(certificate: Path, key: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(_NAME), x509.DNSName(_ADDRESS)]
    addresses = [x509.IPAddress(ipaddress.ip_address(_ADDRESS))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    key.touch(mode=0o600)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
