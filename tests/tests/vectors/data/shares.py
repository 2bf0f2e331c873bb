"""Shares a key as a device does, from the specification alone (the module `shares` of the contract),
and prints it as shares.txt; `shares.py check FILE` opens and restores what a device shared.

HPKE by `pyhpke`, signatures and CMAC by `cryptography`, secret sharing by the lines below:
implementations that share nothing with ours."""

import hashlib
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

SUITE = CipherSuite.new(
    KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM
)
AES_256_CMAC, MAC = 4, 2


def mul(a, b):
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(15, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def inverse(a):
    return next(b for b in range(256) if mul(a, b) == 1)


def split(secret, coefficients, count):
    """Share x of each byte is secret + a_1 x + a_2 x^2 + .."""
    shares = []
    for x in range(1, count + 1):
        share = bytearray(secret)
        power = 1
        for row in coefficients:
            power = mul(power, x)
            for place, a in enumerate(row):
                share[place] ^= mul(a, power)
        shares.append(bytes(share))
    return shares


def combine(shares):
    """Lagrange's formula at 0."""
    secret = bytearray(len(next(iter(shares.values()))))
    for x, share in shares.items():
        weight = 1
        for other in shares:
            if other != x:
                weight = mul(weight, mul(other, inverse(other ^ x)))
        for place, y in enumerate(share):
            secret[place] ^= mul(y, weight)
    return bytes(secret)


def check_value(secret):
    """Of 16 or 32 bytes: ANSI X9.24-1, annex A."""
    mac = CMAC(AES(secret))
    mac.update(bytes(16))
    return mac.finalize()[:5]


def bound(label, hashed, index):
    return label + hashlib.sha256(hashed).digest() + bytes([index])


def raw(public):
    return public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def holder(private):
    key = x25519.X25519PrivateKey.from_private_bytes(private)
    return key, key.public_key().public_bytes_raw()


def make():
    rising = bytes(range(256))
    k, n = 3, 5
    secrets = {1: rising[10:42], 7: rising[60:92]}
    label, key_id, chosen = b"vectors/shared", rising[200:216], rising[100:116]
    owner = bytes([1]) + bytes.fromhex("ef0180a313f35d1cb7f5888c0e21059a")
    privates = [bytes([index]) * 32 for index in range(1, n + 1)]
    publics = [holder(private)[1] for private in privates]
    device = ec.derive_private_key(0x1234567890, ec.SECP256R1())

    parts = {
        number: split(secret, [rising[number + i : number + i + 32] for i in range(k - 1)], n)
        for number, secret in secrets.items()
    }
    texts = [
        hashlib.sha256(bytes([index])).digest() + b"".join(parts[v][index - 1] for v in secrets)
        for index in range(1, n + 1)
    ]
    manifest = b"CLVS\x02\0\0\0" + chosen + owner
    manifest += bytes([len(label)]) + label + key_id + bytes([AES_256_CMAC, MAC, 0, 0])
    manifest += struct.pack(">HIIQQ", 0b1100, 0, 0, 0, 0) + bytes([0])
    manifest += bytes([k, n]) + hashlib.sha256(b"".join(publics)).digest()
    manifest += bytes([len(secrets)])
    for number, secret in secrets.items():
        manifest += struct.pack(">IB", number, len(secret)) + check_value(secret)
    attributes = manifest + raw(device.public_key())
    manifest = attributes
    for index, text in enumerate(texts, 1):
        manifest += hashlib.sha256(
            bound(b"claviger commitment v2", attributes, index) + text
        ).digest()
    covered = manifest
    r, s = decode_dss_signature(device.sign(manifest, ec.ECDSA(hashes.SHA256())))
    manifest += r.to_bytes(32, "big") + s.to_bytes(32, "big")

    print("# A key shared by shares.py: first the secrets of its versions 1 and 7, then the device's")
    print("# public key, then the manifest, then for each share the holder's private key and the share.")
    print(*(secret.hex() for secret in secrets.values()))
    print(raw(device.public_key()).hex())
    print(manifest.hex())
    for index, (text, private, public) in enumerate(zip(texts, privates, publics), 1):
        recipient = KEMKey.from_pyca_cryptography_key(
            x25519.X25519PublicKey.from_public_bytes(public)
        )
        info = bound(b"claviger share v2", covered, index)
        encapsulated, sender = SUITE.create_sender_context(recipient, info)
        print(private.hex(), (encapsulated + sender.seal(text)).hex())


def check(path):
    lines = [line.split() for line in open(path) if not line.startswith("#")]
    secrets = [bytes.fromhex(field) for field in lines[0]]
    device, signed = (bytes.fromhex(line[0]) for line in lines[1:3])
    manifest, signature = signed[:-64], signed[-64:]
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), device)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(encode_dss_signature(r, s), manifest, ec.ECDSA(hashes.SHA256()))
    assert manifest[:8] == b"CLVS\x02\0\0\0"
    at = 41 + 1 + manifest[41] + 16 + 4 + 26
    at += 1 + 19 * manifest[at]
    k, n = manifest[at : at + 2]
    recipients = manifest[at + 2 : at + 34]
    versions = manifest[at + 35 : at + 35 + 10 * manifest[at + 34]]
    attributes = manifest[: at + 35 + len(versions) + 65]
    assert attributes[-65:] == device
    commitments = manifest[len(attributes) :]
    assert (len(versions), len(commitments)) == (10 * len(secrets), 32 * n)
    publics, texts = b"", {}
    for index, (private, sealed) in enumerate(lines[3:], 1):
        private, public = holder(bytes.fromhex(private))
        publics += public
        sealed = bytes.fromhex(sealed)
        recipient = SUITE.create_recipient_context(
            sealed[:32],
            KEMKey.from_pyca_cryptography_key(private),
            bound(b"claviger share v2", manifest, index),
        )
        text = recipient.open(sealed[32:])
        digest = hashlib.sha256(bound(b"claviger commitment v2", attributes, index) + text)
        assert digest.digest() == commitments[32 * index - 32 : 32 * index]
        texts[index] = text[32:]
    assert len(texts) == n and hashlib.sha256(publics).digest() == recipients
    for first in range(1, n - k + 2):
        whole = combine({index: texts[index] for index in range(first, first + k)})
        for place, secret in enumerate(secrets):
            length = versions[10 * place + 4]
            assert whole[:length] == secret
            assert versions[10 * place + 5 : 10 * place + 10] == check_value(secret)
            whole = whole[length:]
        assert not whole
    print(f"{path}: {n} shares, any {k} of which restore the key")


if sys.argv[1:2] == ["check"]:
    check(sys.argv[2])
else:
    make()
